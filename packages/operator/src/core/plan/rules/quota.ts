import { parseQuantity } from "../../api/index.ts";
import type { Facts } from "../facts/facts.ts";

/** Bytes: what the members say where they do, else what the spec asks for. */
export function quotaBytes(facts: Facts): number {
  const told = facts.members.map((member) => member.status?.quota ?? 0).filter((quota) => quota > 0);
  if (told.length > 0) return Math.min(...told);
  return parseQuantity(facts.spec.config.quotaBackendBytes) ?? 0;
}
