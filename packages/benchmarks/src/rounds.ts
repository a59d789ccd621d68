import { median, type Programs } from "./side-by-side.ts";

/** A figure of one measurement, as a row of a report. */
export interface Row<Measured> {
  readonly title: string;
  readonly unit: string;
  readonly figure: (measured: Measured) => number;
  /** What the median of ours must reach: a number, or the median of etcd's. */
  readonly bar?: { readonly limit: number | "etcd"; readonly side: "atLeast" | "atMost" | "below" };
}

/** What was measured of both, a value for each round. */
export interface Rounds<Measured> {
  readonly etcd: readonly Measured[];
  readonly quorate: readonly Measured[];
}

/** Whose turn it is in a round, and a line for the log. */
export interface Turn {
  readonly name: keyof Programs;
  readonly program: readonly string[];
  /** From 1. */
  readonly round: number;
  readonly say: (line: string) => void;
}

/** Measures both in turn, A B B A …, each from its start; says what came of each. */
export async function measureInRounds<Measured>(
  programs: Programs,
  rounds: number,
  rows: readonly Row<Measured>[],
  measure: (turn: Turn) => Promise<Measured>,
): Promise<Rounds<Measured>> {
  const results = { etcd: [] as Measured[], quorate: [] as Measured[] };
  for (let round = 1; round <= rounds; round++) {
    for (const name of round % 2 === 0 ? (["quorate", "etcd"] as const) : (["etcd", "quorate"] as const)) {
      const say = (line: string): void => console.error(`round ${round} ${name}: ${line}`);
      const measured = await measure({ name, program: programs[name], round, say });
      results[name].push(measured);
      say(rows.map(({ title, unit, figure }) => `${title} ${shown(figure(measured))} ${unit}`).join(", "));
    }
  }
  return results;
}

/** The medians as a Markdown table, and the titles of the rows whose bar is not met. */
export function rowsReport<Measured>(
  heading: string,
  rows: readonly Row<Measured>[],
  results: Rounds<Measured>,
): { readonly table: string; readonly notMet: readonly string[] } {
  const notMet: string[] = [];
  const lines = rows.map(({ title, unit, figure, bar }) => {
    const [theirs, ours] = [median(results.etcd.map(figure)), median(results.quorate.map(figure))];
    const cells = [title, `${shown(theirs)} ${unit}`, `${shown(ours)} ${unit}`];
    if (bar === undefined) return `| ${[...cells, "", ""].join(" | ")} |`;
    const limit = bar.limit === "etcd" ? theirs : bar.limit;
    const isMet = bar.side === "atLeast" ? ours >= limit : bar.side === "atMost" ? ours <= limit : ours < limit;
    if (!isMet) notMet.push(`${title}: ${shown(ours)} ${unit}`);
    const sign = { atLeast: "≥", atMost: "≤", below: "<" }[bar.side];
    const asked = `${sign} ${bar.limit === "etcd" ? "etcd's" : `${bar.limit} ${unit}`}`;
    return `| ${[...cells, asked, isMet ? "met" : "not met"].join(" | ")} |`;
  });
  const table = [`| ${heading} | etcd | Quorate | bar | |`, "| --- | --- | --- | --- | --- |", ...lines].join("\n");
  return { table, notMet };
}

function shown(figure: number): string {
  return Math.abs(figure) >= 100 ? Math.round(figure).toLocaleString("en-US") : figure.toFixed(1);
}
