/**
 * `node packages/simulator/dist/main.js --seed N [--seeds 1] [--nodes 5] [--steps N] [--mutation NAME] [--trace]`: simulates
 * clusters, prints a line for each seed, and for a violation what happened before it and the command that repeats it. Exit
 * code 1 on a violation.
 */
import { parseArgs } from "node:util";
import { loadInternals } from "./internals.ts";
import { type Mutation, mutations, NO_MUTATION } from "./mutations.ts";
import { NODES_DEFAULT, type SimulationResult, STEPS_DEFAULT } from "./run.ts";
import { simulate } from "./simulate.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    seeds: { type: "string", default: "1" },
    nodes: { type: "string", default: String(NODES_DEFAULT) },
    steps: { type: "string", default: String(STEPS_DEFAULT) },
    mutation: { type: "string", default: NO_MUTATION.name },
    trace: { type: "boolean", default: false },
  },
});

function wholeNumber(name: "seed" | "seeds" | "nodes" | "steps"): number {
  const value = Number(values[name]);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name} takes a whole number above 0`);
  return value;
}

async function chosenMutation(): Promise<Mutation> {
  const all = [NO_MUTATION, ...mutations(await loadInternals())];
  const chosen = all.find(({ name }) => name === values.mutation);
  if (chosen !== undefined) return chosen;
  throw new Error(`--mutation takes one of: ${all.map(({ name }) => name).join(", ")}`);
}

function print(result: SimulationResult): void {
  const { figures, hash, seed, simulatedMs, steps, violation } = result;
  const counts = Object.entries(figures).map(([name, count]) => `${name} ${count}`);
  console.log(`seed ${seed}: trace ${hash}, ${steps} steps in ${Math.round(simulatedMs)} ms, ${counts.join(", ")}`);
  if (violation === undefined) return;
  for (const line of result.recent) console.log(line);
  console.log(`VIOLATION of ${violation.message}`);
  const cause = violation.cause;
  if (cause instanceof Error) console.log(cause.stack);
  const { mutation, nodes } = values;
  console.log(
    `again: node packages/simulator/dist/main.js --seed ${seed} --nodes ${nodes} --steps ${values.steps} --mutation ${mutation} --trace`,
  );
}

async function main(): Promise<number> {
  const mutation = await chosenMutation();
  const first = wholeNumber("seed");
  const options = { nodes: wholeNumber("nodes"), steps: wholeNumber("steps"), mutation };
  let violations = 0;
  for (let seed = first; seed < first + wholeNumber("seeds"); seed++) {
    const sink = values.trace ? { sink: (line: string): void => console.log(line) } : {};
    const result = simulate({ seed, ...options, ...sink });
    print(result);
    if (result.violation !== undefined) violations++;
  }
  return violations === 0 ? 0 : 1;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 2;
  },
);
