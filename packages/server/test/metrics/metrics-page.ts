import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const PAGE = fileURLToPath(new URL("../../../../docs/monitoring.md", import.meta.url));
const MARKDOWN_BYTES_MAX = 256 * 1024;

/** A row of the table of metrics in docs/monitoring.md. */
export interface DocumentedMetric {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  /** `yes`, `no`, `peer` or `extensive`. */
  readonly fromStart: string;
}

/** The table of metrics. Throws where the page is not as it should be. */
export function documentedMetrics(): readonly DocumentedMetric[] {
  return rowsBetween("metrics").map(([name = "", type = "", labels = "", fromStart = ""]) => ({
    name: quoted(name)[0] ?? "",
    type,
    labels: quoted(labels).sort(),
    fromStart,
  }));
}

/** Whether the page says of a metric of etcd that it is absent here. */
export function isDocumentedAsAbsent(name: string): boolean {
  return rowsBetween("absent").some(([cell = ""]) => {
    const [pattern = "", ...exceptions] = quoted(cell);
    if (!pattern.endsWith("*")) return pattern === name;
    const prefix = pattern.slice(0, -1);
    return name.startsWith(prefix) && !exceptions.includes(name.slice(prefix.length));
  });
}

function rowsBetween(mark: string): readonly (readonly string[])[] {
  const text = readFileSync(PAGE, "utf8");
  if (text.length > MARKDOWN_BYTES_MAX) throw new Error("the page is too long");
  const table = text.split(`<!-- ${mark}:begin -->`)[1]?.split(`<!-- ${mark}:end -->`)[0] ?? "";
  const rows = table.split("\n").filter((line) => line.startsWith("|"));
  const cells = rows.slice(2).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  if (cells.length === 0) throw new Error(`no table ${mark} in ${PAGE}`);
  return cells;
}

function quoted(cell: string): string[] {
  return [...cell.matchAll(/`([^`]*)`/g)].map((match) => match[1] ?? "");
}
