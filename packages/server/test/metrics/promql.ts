import { parser } from "@prometheus-io/lezer-promql";

/** Longer than any expression here has a reason to be. */
const EXPRESSION_CHARS_MAX = 2000;

/** One use of a metric in an expression. */
export interface MetricUse {
  readonly name: string;
  /** Labels it is selected by. */
  readonly labels: readonly string[];
}

export interface ParsedExpression {
  readonly uses: readonly MetricUse[];
  /** Labels that results are grouped by or matched on. */
  readonly grouping: readonly string[];
}

/** The metrics and labels that an expression names. Throws where it is no PromQL. */
export function parsePromql(expression: string): ParsedExpression {
  if (expression.length > EXPRESSION_CHARS_MAX) throw new Error("an expression is too long");
  const uses: { name: string; labels: string[] }[] = [];
  const grouping: string[] = [];
  parser.parse(expression).iterate({
    enter: ({ from, name, node, to }) => {
      const text = expression.slice(from, to);
      if (name === "⚠") throw new Error(`no PromQL at ${from}: ${expression}`);
      if (name === "VectorSelector") uses.push({ name: "", labels: [] });
      const use = uses.at(-1);
      if (name === "Identifier" && use !== undefined && node.parent?.name === "VectorSelector") use.name = text;
      if (name !== "LabelName") return;
      if (node.parent?.name === "GroupingLabels") grouping.push(text);
      else use?.labels.push(text);
    },
  });
  return { uses, grouping };
}
