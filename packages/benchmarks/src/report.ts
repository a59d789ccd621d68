import { type Comparison, median } from "./side-by-side.ts";

/** The comparisons as a Markdown table. */
export function table(comparisons: readonly Comparison[]): string {
  const rows = comparisons.map(({ workload, unit, etcd, quorate, ratio, cpuMicros, met }) => [
    workload.title,
    `${number(median(etcd))} ${unit}`,
    `${number(median(quorate))} ${unit}`,
    ratio.toFixed(2),
    workload.bar === undefined ? "" : `${workload.bar.side === "atLeast" ? "≥" : "≤"} ${workload.bar.ratio}`,
    `${cpuMicros.etcd.toFixed(1)} / ${cpuMicros.quorate.toFixed(1)} us`,
    met === undefined ? "" : met ? "met" : "not met",
  ]);
  const header = ["workload", "etcd", "Quorate", "ratio", "bar", "CPU per operation", ""];
  return [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function number(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toFixed(3);
}
