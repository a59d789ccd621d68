import { FORMATS } from "./ctl-step.ts";
import type { CtlCell, CtlReport, Outcome } from "./ctl-suite.ts";

const HEAD = `# quoratectl beside etcdctl

What \`quoratectl\` and \`etcdctl\` print for the same command lines against the same server, compared character by character with
standard output, standard error and exit code. Made by

\`\`\`sh
node packages/conformance/dist/ctl.js --table docs/quoratectl-beside-etcdctl.md
\`\`\`

(with \`--processes\` each call of quoratectl is a process of its own, else only those of which the process shows something: children,
signals; \`--long\`, for a quiet machine, adds what takes a minute: \`check perf\` to its end and what \`make-mirror\` prints). Each command line is run by both programs on a fresh server of the same addresses and ids. Left out of the comparison are durations,
sizes that depend on the moment, the programs' own versions, and the ids of leases and added members, which have to have the same
form. A cell of the first table of a release tells how many outputs of a command are **identical**, and behind a + how many are the
same but for a **change** that etcdctl itself has made since that release (quoratectl prints what 3.7.1 prints), or that is ours
by choice; each is listed with what it says, and rewrites nothing else. In the second table a cell is \`=\` for an identical output,
else it has the numbers of the changes that were needed.
`;

/** The whole comparison as a page in Markdown. */
export function ctlTable(reports: readonly CtlReport[]): string {
  return [HEAD, ...reports.map(reportPart)].join("\n");
}

/** The rows of a run in the table of command lines, without what became of them: `line | formats`. */
export function tableRows(cells: readonly Pick<CtlCell, "line" | "format">[]): readonly string[] {
  return rowsOf(cells).map(
    ({ line, cells: own }) => `${lineCell(line)} | ${own.map(({ format }) => format).join(" ")}`,
  );
}

/** The same rows, read from the part of a page that is about one release. */
export function rowsOfPage(page: string, etcdctl: string): readonly string[] {
  const [, part = ""] = page.split(`\n## etcdctl ${etcdctl}\n`);
  const [, lines = ""] = (part.split("\n## ")[0] ?? "").split("\n### Command lines\n");
  return lines.split("\n").flatMap((row) => {
    const cells = /^\| (`.*`) +\| (.*) \|$/.exec(row);
    if (cells === null) return [];
    const outcomes = (cells[2] ?? "").split(" | ");
    const formats = FORMATS.filter((_, i) => (outcomes[i] ?? "").trim() !== "");
    return [`${cells[1]} | ${formats.join(" ")}`];
  });
}

function reportPart(report: CtlReport): string {
  const numbers = new Map(report.changes.map((change, i) => [change.name, i + 1]));
  const uses = (name: string): number =>
    report.cells.filter(({ outcome }) => typeof outcome !== "string" && outcome.includes(name)).length;
  return [
    `## etcdctl ${report.etcdctl}`,
    "",
    `${report.figure}.`,
    "",
    "### Commands",
    "",
    ...table(["command", ...FORMATS, "all"], commandRows(report.cells)),
    "",
    "### Changes",
    "",
    ...report.changes.map(({ name, reason }, i) => `${i + 1}. ${name} (${uses(name)} outputs): ${reason}.`),
    "",
    "### Command lines",
    "",
    ...table(["command line", ...FORMATS], lineRows(report.cells, numbers)),
    "",
  ].join("\n");
}

function commandRows(cells: readonly CtlCell[]): readonly (readonly string[])[] {
  const commands = [...new Set(cells.map(({ command }) => command))].sort();
  const row = (name: string, own: readonly CtlCell[]): readonly string[] => [
    name,
    ...FORMATS.map((format) => counts(own.filter((cell) => cell.format === format))),
    counts(own),
  ];
  return [
    ...commands.map((command) =>
      row(
        command === "" ? "(no command)" : command,
        cells.filter((cell) => cell.command === command),
      ),
    ),
    row("**all**", cells),
  ];
}

function counts(cells: readonly CtlCell[]): string {
  if (cells.length === 0) return "";
  const same = cells.filter(({ outcome }) => outcome === "same").length;
  const reconciled = cells.filter(({ outcome }) => typeof outcome !== "string").length;
  const failed = cells.length - same - reconciled;
  return `${same}${reconciled > 0 ? ` + ${reconciled}` : ""}${failed > 0 ? `, ${failed} differ` : ""}`;
}

function lineRows(cells: readonly CtlCell[], numbers: ReadonlyMap<string, number>): readonly (readonly string[])[] {
  const shown = (outcome: Outcome | undefined): string => {
    if (outcome === undefined) return "";
    if (outcome === "same") return "=";
    return outcome === "differs" ? "differs" : outcome.map((name) => numbers.get(name)).join(", ");
  };
  return rowsOf(cells).map(({ line, cells: own }) => [
    lineCell(line),
    ...FORMATS.map((format) => shown(own.find((cell) => cell.format === format)?.outcome)),
  ]);
}

/** Cells of one line that follow each other, in the order of formats. */
function rowsOf<Cell extends Pick<CtlCell, "line" | "format">>(
  cells: readonly Cell[],
): readonly { readonly line: string; readonly cells: readonly Cell[] }[] {
  const rows: { readonly line: string; readonly cells: Cell[] }[] = [];
  for (const cell of cells) {
    const row = rows.at(-1);
    const last = row?.cells.at(-1)?.format;
    const follows = last !== undefined && FORMATS.indexOf(last) < FORMATS.indexOf(cell.format);
    if (row?.line === cell.line && follows) row.cells.push(cell);
    else rows.push({ line: cell.line, cells: [cell] });
  }
  return rows;
}

/** A command line as code in a cell. */
function lineCell(line: string): string {
  return `\`${line.replaceAll("|", "\\|").replaceAll("`", "'")}\``;
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(3, ...all.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, column) => (row[column] ?? "").padEnd(width)).join(" | ")} |`;
  return [line(headings), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)];
}
