/** A table of headings and rows. */
export interface Table {
  readonly headings: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The table in light box drawing as etcdctl 3.7 has it: headings in capitals in the middle, cells to the right. CLI page, A1.3. */
export function boxTable(table: Table): string {
  const headings = table.headings.map((heading) => heading.toUpperCase().replaceAll("_", " "));
  const widths = headings.map((heading, column) =>
    Math.max(width(heading), ...table.rows.map((row) => width(row[column] ?? ""))),
  );
  const rule = (left: string, middle: string, right: string): string =>
    `${left}${widths.map((w) => "─".repeat(w + 2)).join(middle)}${right}\n`;
  const line = (cells: readonly string[], pad: (cell: string, w: number) => string): string =>
    `│${widths.map((w, column) => ` ${pad(cells[column] ?? "", w)} `).join("│")}│\n`;
  return [
    rule("┌", "┬", "┐"),
    line(headings, centred),
    ...(table.rows.length === 0 ? [] : [rule("├", "┼", "┤")]),
    ...table.rows.map((row) => line(row, toTheRight)),
    rule("└", "┴", "┘"),
  ].join("");
}

function centred(cell: string, columns: number): string {
  const space = columns - width(cell);
  const before = Math.floor(space / 2);
  return `${" ".repeat(before)}${cell}${" ".repeat(space - before)}`;
}

function toTheRight(cell: string, columns: number): string {
  return `${" ".repeat(columns - width(cell))}${cell}`;
}

function width(text: string): number {
  return Array.from(text).length;
}
