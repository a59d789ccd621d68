/** Columns as kubectl prints them: headings in capitals, three spaces between. Empty cells are shown as `-`. */
export function textTable(headings: readonly string[], rows: readonly (readonly string[])[], indent = ""): string {
  const lines = [headings.map((heading) => heading.toUpperCase()), ...rows];
  const widths = headings.map((_heading, column) => Math.max(...lines.map((line) => shown(line[column]).length)));
  return lines
    .map(
      (line) =>
        indent +
        widths
          .map((width, column) => shown(line[column]).padEnd(width))
          .join("   ")
          .trimEnd(),
    )
    .join("\n")
    .concat("\n");
}

function shown(cell: string | undefined): string {
  return cell === undefined || cell === "" ? "-" : cell;
}

/** Age as kubectl prints it, in its largest unit. */
export function ageText(time: string | undefined, nowMs: number): string {
  if (time === undefined) return "";
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(time)) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
