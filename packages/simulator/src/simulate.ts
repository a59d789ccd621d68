import type { SimulationOptions, SimulationResult } from "./run.ts";
import { Simulation } from "./simulation.ts";
import { Violation } from "./violation.ts";

/** Runs a seed to its end or to its first violation. */
export function simulate(options: SimulationOptions): SimulationResult {
  const restore = options.mutation?.plant?.();
  const simulation = new Simulation(options);
  let violation: Violation | undefined;
  try {
    simulation.run();
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    violation = error;
  } finally {
    restore?.();
  }
  const { simulatedMs, steps, trace } = simulation;
  return {
    seed: options.seed,
    hash: trace.hash,
    steps,
    simulatedMs,
    violation,
    recent: violation === undefined ? [] : trace.recent(),
    figures: simulation.figures(),
  };
}
