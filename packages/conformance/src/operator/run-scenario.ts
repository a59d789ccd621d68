import { Checks, type SuiteReport } from "../suite-report.ts";
import { OperatorWorld } from "./operator-world.ts";
import type { Scenario } from "./scenario.ts";
import { install } from "./scenarios/install.ts";
import { kills } from "./scenarios/kills.ts";
import { lostEverything, lostMember, lostQuorum } from "./scenarios/loss.ts";
import { roll } from "./scenarios/roll.ts";
import { rotate } from "./scenarios/rotate.ts";
import { hibernate, scale } from "./scenarios/scale.ts";

/** All scenarios. */
export const SCENARIOS: readonly Scenario[] = [
  install,
  scale,
  hibernate,
  kills,
  lostMember,
  lostQuorum,
  lostEverything,
  roll,
  rotate,
];

export interface ScenarioOptions {
  readonly isLong: boolean;
  readonly progress: (line: string) => void;
}

/** Runs one scenario in a world in which the operator is installed. What went wrong comes with the operators' last words. */
export async function runScenario(
  world: OperatorWorld,
  scenario: Scenario,
  { isLong, progress }: ScenarioOptions,
): Promise<SuiteReport> {
  const checks = new Checks();
  const figures: string[] = [];
  const start = performance.now();
  const context = { world, checks, isLong, progress, figure: (text: string) => void figures.push(text) };
  await checks.run(scenario.name, () => scenario.run(context));
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  const failures = [...checks.failures];
  if (failures.length > 0) failures.push(await world.operatorLog());
  return { suite: `operator ${scenario.name}`, figure: `${figures.join("; ")}; ${seconds} s`, failures };
}

/** Starts a world, installs the operator with helm and runs scenarios in it, one after the other. */
export async function runScenarios(
  program: readonly string[],
  scenarios: readonly Scenario[],
  options: ScenarioOptions,
): Promise<readonly SuiteReport[]> {
  await using world = await OperatorWorld.start(program);
  options.progress("Kubernetes runs");
  await world.install();
  options.progress("the operator is installed");
  const reports: SuiteReport[] = [];
  for (const scenario of scenarios) reports.push(await runScenario(world, scenario, options));
  return reports;
}
