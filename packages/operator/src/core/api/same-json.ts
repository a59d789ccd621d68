type Fields = Readonly<Record<string, unknown>>;

/** Whether two JSON values are equal: a field without a value is no field, and the order of fields means nothing. */
export function isSameJson(one: unknown, other: unknown): boolean {
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return one === other;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].every((name) => isSameJson((one as Fields)[name], (other as Fields)[name]));
}
