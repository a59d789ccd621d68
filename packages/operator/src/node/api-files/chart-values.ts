import { isMap, isScalar, parseDocument, type YAMLMap } from "yaml";

const START = "<!-- values: written by `npm run generate:api` from values.yaml -->";
const END = "<!-- end of values -->";

/** The chart's README with its table of values made anew from the comments (`# --`) of its values.yaml. */
export function readmeWithValues(readme: string, values: string): string {
  const start = readme.indexOf(START);
  const end = readme.indexOf(END);
  if (start < 0 || end < start) throw new Error("the README has no place for the table of values");
  return `${readme.slice(0, start)}${START}\n\n${valuesTable(values)}\n${readme.slice(end)}`;
}

/** A Markdown table: one row for every value that has a comment. Throws if a value has none, at its key or above it. */
export function valuesTable(values: string): string {
  const root = parseDocument(values).contents;
  if (!isMap(root)) throw new Error("values.yaml is no map");
  const rows = rowsOf(root as YAMLMap, "", firstComment(values));
  return ["| Value | Default | Meaning |", "|---|---|---|", ...rows, ""].join("\n");
}

function rowsOf(map: YAMLMap, prefix: string, first: string | undefined): readonly string[] {
  return map.items.flatMap((pair, index) => {
    if (!isScalar(pair.key)) return [];
    const name = `${prefix}${String(pair.key.value)}`;
    const before = pair.key.commentBefore ?? (index === 0 ? first : undefined);
    const comment = /^\s*--\s*(?<text>.+)$/m.exec(before ?? "")?.groups?.["text"];
    const value = pair.value;
    // A comment on a map describes it whole.
    if (comment !== undefined) return [`| \`${name}\` | \`${JSON.stringify(toJson(value))}\` | ${escape(comment)} |`];
    if (isMap(value) && value.items.length > 0)
      return rowsOf(value as YAMLMap, `${name}.`, (value as YAMLMap).commentBefore ?? undefined);
    throw new Error(`the value ${name} has no comment`);
  });
}

function toJson(value: unknown): unknown {
  return typeof value === "object" && value !== null && "toJSON" in value
    ? (value as { toJSON(): unknown }).toJSON()
    : value;
}

/** The parser gives a comment at the very top to the document. */
function firstComment(values: string): string | undefined {
  return /^#(.*)$/m.exec(values.split("\n")[0] ?? "")?.[1];
}

function escape(text: string): string {
  return text.replaceAll("|", "\\|");
}
