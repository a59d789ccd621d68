import { parse, stringify } from "yaml";

/** Stands in the chart's rules for the label matchers of the one cluster that they are about. */
export const SELECTOR = "__CLUSTER__";

interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly { readonly expr: string }[] }[];
}

/** The repository's alerts for the chart: each metric in them narrowed to one cluster. */
export function chartRules(alerts: string): string {
  const { groups } = parse(alerts) as RuleFile;
  const narrowed = groups.map((group) => ({
    ...group,
    rules: group.rules.map((rule) => ({ ...rule, expr: narrow(rule.expr) })),
  }));
  return stringify({ groups: narrowed }, { lineWidth: 0, compat: "yaml-1.1" });
}

const METRIC = /\b(up|(?:etcd|process|nodejs|quorate|grpc_server)_[a-z0-9_]+)\b(\{[^}]*\})?/g;

function narrow(expr: string): string {
  return expr.replace(METRIC, (_whole, name: string, matchers?: string) => {
    const others = (matchers ?? "{}")
      .slice(1, -1)
      .replace(/job=~"[^"]*",?/, "")
      .trim();
    return `${name}{${SELECTOR}${others === "" ? "" : `,${others}`}}`;
  });
}
