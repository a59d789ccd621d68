import type { KubeObject } from "../ports/index.ts";
import { DEFINITIONS, type KindDefinition } from "./definitions.ts";
import { brokenRules, check, type Problem } from "./schema/check.ts";
import { fillDefaults } from "./schema/defaults.ts";
import type { JsonObject } from "./schema/schema.ts";

/**
 * What the operator refuses an object of its own kinds for: the same schema and the same rules that an API server from 1.29 on refuses it
 * by, for the older ones that have no CEL. Defaults are filled in first. With `old`, rules about changes are asked too. Throws for other
 * kinds.
 */
export function validate(object: KubeObject, old?: KubeObject): readonly Problem[] {
  const definition = DEFINITIONS.find(({ kind }) => kind === object.kind);
  if (definition === undefined) throw new TypeError(`no kind of the operator: ${object.kind}`);
  const whole = filled(definition, object);
  const before = old === undefined ? undefined : filled(definition, old);
  if (whole["spec"] === undefined) return [{ path: "spec", message: "is required" }];
  const problems = check(definition.spec, "spec", whole["spec"], before?.["spec"]);
  return problems.length > 0 ? problems : brokenRules(definition.rules, "", whole, before);
}

function filled({ spec }: KindDefinition, object: KubeObject): JsonObject {
  const given = { ...object } as JsonObject;
  return { ...given, spec: fillDefaults(spec, given["spec"] ?? spec.default) };
}
