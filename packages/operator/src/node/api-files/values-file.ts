import { stringify } from "yaml";
import type { Schema } from "../../core/index.ts";

const WIDTH = 110;
/** Keys whose values are whole specs. */
const SPECS = new Set(["cluster", "spec", "source"]);

/**
 * A values file: every key with its text above it and its default. Below `cluster` and the specs of other kinds the keys are comments,
 * so that the file sets nothing that the operator's own defaults set.
 */
export function valuesFile(values: Schema): string {
  return fieldLines(values, { indent: 0, commentedFrom: undefined }).join("\n").replace(/^\n/, "");
}

/** Columns; from `commentedFrom` on everything is a comment. */
interface Place {
  readonly indent: number;
  readonly commentedFrom: number | undefined;
}

function fieldLines({ node }: Schema, place: Place): readonly string[] {
  if (node.kind !== "object") return [];
  return Object.entries(node.fields).flatMap(([name, field]) => {
    const space = place.indent === 0 ? [""] : [];
    const comment = wrapped(field.description, WIDTH - place.indent - 4).map((line) => lineAt(place, `# ${line}`));
    return [...space, ...comment, ...valueLines(name, field, place)];
  });
}

function valueLines(name: string, field: Schema, place: Place): readonly string[] {
  const inner = { ...place, indent: place.indent + 2 };
  const isObject = field.node.kind === "object" && Object.keys(field.node.fields).length > 0;
  const isSpec = isObject && place.commentedFrom === undefined && SPECS.has(name);
  if (isSpec) return [lineAt(place, `${name}: {}`), ...fieldLines(field, { ...inner, commentedFrom: inner.indent })];
  if (isObject) return [lineAt(place, `${name}:`), ...fieldLines(field, inner)];
  if (field.default === undefined) {
    const from = place.commentedFrom ?? place.indent;
    return [lineAt({ ...place, commentedFrom: from }, `${name}: ${sample(field)}`)];
  }
  const text = stringify({ [name]: field.default }, { lineWidth: 0, compat: "yaml-1.1" }).trimEnd();
  return text.split("\n").map((line) => lineAt(place, line));
}

function sample({ node }: Schema): string {
  switch (node.kind) {
    case "list":
      return "[]";
    case "map":
    case "object":
    case "anything":
      return "{}";
    case "string":
      return node.enum === undefined ? '""' : (node.enum[0] ?? "");
    case "integer":
      return String(node.min ?? 0);
    case "quantity":
      return "1Gi";
    case "boolean":
      return "false";
  }
}

function lineAt({ indent, commentedFrom }: Place, text: string): string {
  if (commentedFrom === undefined) return " ".repeat(indent) + text;
  return `${" ".repeat(commentedFrom)}# ${" ".repeat(indent - commentedFrom)}${text}`;
}

function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + word.length + 1 > width) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
