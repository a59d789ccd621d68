import { integer, list, longInteger, object, oneOf, text, time } from "./schema/build.ts";
import type { Held } from "./schema/schema.ts";

export const condition = object(
  "One condition, as Kubernetes writes them.",
  {
    type: text("What the condition is about.", { required: true, maxLength: 316 }),
    status: oneOf("Whether it is so.", ["True", "False", "Unknown"], { required: true }),
    reason: text("Why, in one CamelCase word.", { required: true, minLength: 1, maxLength: 1024 }),
    message: text("Which object, and what to do next.", { required: true, maxLength: 32768 }),
    lastTransitionTime: time("When the status last changed.", { required: true }),
    observedGeneration: longInteger("Generation of the spec that this was found for.", { min: 0 }),
  },
  { required: true },
);

export type Condition = Held<typeof condition>;

export function conditions() {
  return list("Conditions by type.", condition, { maxItems: 32, keys: ["type"] });
}

export function observedGeneration() {
  return longInteger("Last generation of the spec that was read whole.", { min: 0 });
}

/** A count of things. */
export function count(description: string) {
  return integer(description, {});
}
