/** The cells of a table in lines, as `a | b`, whether it is drawn with `+-|` or with box characters. */
export function tableCells(text: string): string {
  return text
    .split("\n")
    .filter((line) => !/^[-+┌─┬┐├┼┤└┴┘]+$/.test(line))
    .map((line) =>
      /^[|│].*[|│]$/.test(line)
        ? line
            .slice(1, -1)
            .split(/[|│]/)
            .map((cell) => cell.trim())
            .join(" | ")
        : line,
    )
    .join("\n");
}
