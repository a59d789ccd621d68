import type { Column, KindDefinition } from "./definitions.ts";
import { GROUP, VERSION } from "./names.ts";
import type { JsonObject } from "./schema/schema.ts";
import { structuralSchema, validations } from "./schema/structural.ts";

/** The CustomResourceDefinition of a kind, as it is installed. */
export function resourceDefinition(definition: KindDefinition): JsonObject {
  const { kind, plural, shortNames } = definition;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: "Namespaced",
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase(), shortNames, categories: ["etcd"] },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          additionalPrinterColumns: definition.columns.map(printerColumn),
          subresources: subresources(definition),
          schema: { openAPIV3Schema: wholeSchema(definition) },
        },
      ],
    },
  };
}

function wholeSchema(definition: KindDefinition): JsonObject {
  const { description, spec, status } = definition;
  return {
    description,
    type: "object",
    ...(spec.presence === "required" ? { required: ["spec"] } : {}),
    properties: {
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: { type: "object" },
      spec: structuralSchema(spec),
      status: structuralSchema(status),
    },
    ...(definition.rules.length > 0 ? { "x-kubernetes-validations": validations(definition.rules) } : {}),
  };
}

function printerColumn({ name, type, path, description, isWide }: Column): JsonObject {
  return { name, type, jsonPath: path, description, ...(isWide ? { priority: 1 } : {}) };
}

function subresources({ isScalable }: KindDefinition): JsonObject {
  if (!isScalable) return { status: {} };
  return {
    status: {},
    scale: {
      specReplicasPath: ".spec.replicas",
      statusReplicasPath: ".status.replicas",
      labelSelectorPath: ".status.selector",
    },
  };
}

/** The same definition for API servers before 1.29: they do not know all of CEL that its rules use, and some refuse them. */
export function withoutValidations(definition: JsonObject): JsonObject {
  return strip(definition) as JsonObject;
}

function strip(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strip);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => key !== "x-kubernetes-validations");
  return Object.fromEntries(kept.map(([key, item]) => [key, strip(item)]));
}
