/** What one suite found. */
export interface SuiteReport {
  readonly suite: string;
  /** The figure of the suite, in one line. */
  readonly figure: string;
  /** One entry for each thing that was not as it should be; empty when all is well. */
  readonly failures: readonly string[];
}

/** Prints a report as a figure line and its failures; returns the process exit code. */
export function printReport(report: SuiteReport): number {
  for (const failure of report.failures) console.log(`  ${failure}`);
  console.log(`${report.suite}: ${report.figure}, ${report.failures.length} failures`);
  return report.failures.length === 0 ? 0 : 1;
}

/** Collects the outcomes of named checks. */
export class Checks {
  readonly failures: string[] = [];
  #count = 0;

  /** How many checks were made. */
  get count(): number {
    return this.#count;
  }

  /** Notes a failure unless `condition` holds; `detail` is added to it. */
  that(name: string, condition: boolean, detail: unknown = ""): void {
    this.#count += 1;
    if (!condition)
      this.failures.push(`${name} ${typeof detail === "string" ? detail : JSON.stringify(detail)}`.trim());
  }

  /** Notes a failure unless both print the same JSON. */
  equal(name: string, actual: unknown, expected: unknown): void {
    const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)];
    this.that(name, left === right, `${left} instead of ${right}`);
  }

  /** Runs one part; an error in it is a failure of that name and does not stop the others. */
  async run(name: string, part: () => Promise<void>): Promise<void> {
    try {
      await part();
    } catch (error) {
      this.#count += 1;
      this.failures.push(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
  }
}
