import type { Schema } from "../../core/index.ts";

/** Rows of a Markdown table of every field of a schema: name, type, default, meaning. */
export function fieldTable(schema: Schema): string {
  const head = ["| Field | Type | Default | |", "|---|---|---|---|"];
  return [...head, ...rows(schema, "")].join("\n");
}

function rows({ node }: Schema, path: string): readonly string[] {
  if (node.kind !== "object" && node.kind !== "anything") return [];
  return Object.entries(node.fields).flatMap(([name, field]) => {
    const own = path === "" ? name : `${path}.${name}`;
    return [row(own, field), ...innerRows(field, own)];
  });
}

function innerRows(field: Schema, path: string): readonly string[] {
  if (field.node.kind === "list") return rows(field.node.item, `${path}[]`);
  return rows(field, path);
}

function row(path: string, field: Schema): string {
  const cells = [`\`${path}\``, typeOf(field), defaultOf(field), field.description];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function typeOf({ node }: Schema): string {
  switch (node.kind) {
    case "string":
      if (node.enum !== undefined) return node.enum.map((value) => (value === "" ? '`""`' : value)).join(", ");
      return node.pattern?.includes("ms)?") === true ? "duration" : node.format === "date-time" ? "time" : "text";
    case "integer":
      return range(node.min, node.max);
    case "boolean":
      return "true, false";
    case "quantity":
      return "quantity";
    case "list":
      return `list of at most ${node.maxItems}`;
    case "map":
      return `map of at most ${node.maxProperties}`;
    case "object":
      return "";
    case "anything":
      return "as in Kubernetes";
  }
}

function range(min: number | undefined, max: number | undefined): string {
  const isOpen = max === undefined || max >= 2 ** 31 - 1;
  if (min === undefined) return "number";
  return isOpen ? `number from ${min}` : `${min} to ${max}`;
}

function defaultOf({ node, default: value, presence }: Schema): string {
  if (presence === "required") return "required";
  if (value === undefined || node.kind === "object") return "";
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}
