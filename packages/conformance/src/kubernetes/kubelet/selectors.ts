import type { LabelSelector, Requirement } from "./pod.ts";

export type Labels = Readonly<Record<string, string>>;

/** Whether labels satisfy a selector; an absent selector matches nothing, an empty one everything. */
export function selects(selector: LabelSelector | undefined, labels: Labels): boolean {
  if (selector === undefined) return false;
  const exact = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return exact && meets(selector.matchExpressions, labels);
}

/** Whether labels satisfy all requirements. */
export function meets(requirements: readonly Requirement[] | undefined, labels: Labels): boolean {
  return (requirements ?? []).every((requirement) => meetsOne(requirement, labels));
}

function meetsOne({ key, operator, values = [] }: Requirement, labels: Labels): boolean {
  const value = labels[key];
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
  }
}
