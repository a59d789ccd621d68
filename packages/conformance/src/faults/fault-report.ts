import type { SuiteReport } from "../suite-report.ts";

/** What a fault run measured; `failures` says what was wrong. */
export interface FaultReport extends SuiteReport {
  readonly seed: number;
  readonly members: number;
  readonly seconds: number;
  readonly calls: number;
  readonly acknowledgedWrites: number;
  readonly unansweredWrites: number;
  readonly refusedWithoutMajority: number;
  readonly revisions: number;
  readonly keysChecked: number;
  readonly searchSteps: number;
  readonly watchStreams: number;
  readonly watchedEvents: number;
  readonly leaseRenewals: number;
  /** Milliseconds. */
  readonly longestWriteGap: number;
  /** When it began, seconds after the run's start. */
  readonly longestWriteGapAt: number;
  /** Slowest answer of an undisturbed member by kind of call, milliseconds. */
  readonly slowest: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  readonly errors: readonly (readonly [string, number])[];
}

const ERRORS_SHOWN = 12;

/** The report as lines for people. */
export function describeReport(report: FaultReport): readonly string[] {
  const counts = Object.entries(report.faults).map(([kind, count]) => `${count} ${kind}`);
  const slowest = Object.entries(report.slowest).map(([kind, ms]) => `${kind} ${ms.toFixed(0)} ms`);
  return [
    `faults: ${counts.join(", ")}`,
    `slowest answers of undisturbed members: ${slowest.join(", ")}`,
    `longest time without an acknowledged write while there was a majority: ${report.longestWriteGap.toFixed(0)} ms from ${report.longestWriteGapAt.toFixed(1)} s on`,
    `refused without a majority: ${report.refusedWithoutMajority}`,
    ...report.errors.slice(0, ERRORS_SHOWN).map(([text, count]) => `error ${count} times: ${text}`),
  ];
}
