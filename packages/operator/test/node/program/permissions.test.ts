import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { NO_LOGGER, SeededPrng } from "@quorate/base";
import * as core from "../../../src/core/index.ts";
import { createControllers } from "../../../src/node/program/controllers.ts";
import { PERMISSIONS, type Verb } from "../../../src/node/program/permissions.ts";
import { EVENTS } from "../../../src/node/runtime/event-recorder.ts";
import { LEASES } from "../../../src/node/runtime/lease-election.ts";

// The rights that the chart gives are those of PERMISSIONS; here they are held against what the program asks of the API: what its
// controllers watch, and the calls that its sources make.

const SOURCES = join(import.meta.dirname, "../../../src/node");
/** Kinds by the constants that name them in the sources. */
const KINDS: Readonly<Record<string, core.Resource>> = {
  ...Object.fromEntries(
    Object.entries(core).filter(
      (entry): entry is [string, core.Resource] =>
        typeof entry[1] === "object" && entry[1] !== null && "plural" in entry[1] && "namespaced" in entry[1],
    ),
  ),
  EVENTS,
  LEASES,
};
const VERBS: Readonly<Record<string, readonly string[]>> = {
  get: ["get"],
  list: ["list"],
  create: ["create"],
  // Applying is asked for as both: what is applied may not be there yet.
  apply: ["create", "patch"],
  patch: ["patch"],
  patchStatus: ["status patch"],
  delete: ["delete"],
};
/** Calls whose kind is a variable, by the file that makes them: what they are made with. */
const DYNAMIC: Readonly<Record<string, readonly (readonly [string, readonly string[]])[]>> = {
  "cluster/derive": [
    ["services", ["apply", "delete"]],
    ["configmaps", ["apply", "create", "delete"]],
    ["serviceaccounts", ["apply", "delete"]],
    ["poddisruptionbudgets", ["apply", "delete"]],
    ["secrets", ["apply", "create"]],
    ["podmonitors", ["apply", "delete"]],
    ["etcdbackupschedules", ["apply"]],
  ],
  "cluster/status-writer.ts": [
    ["etcdclusters", ["patchStatus"]],
    ["etcdmembers", ["patchStatus"]],
    ["etcdrestores", ["patchStatus"]],
  ],
};

function sources(folder: string): readonly string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? sources(path) : path.endsWith(".ts") ? [path] : [];
  });
}

const right = (resource: { readonly plural: string }, verb: string): string =>
  verb.startsWith("status ") ? `${resource.plural}/status ${verb.slice(7)}` : `${resource.plural} ${verb}`;
const given = new Set(
  PERMISSIONS.flatMap(({ resource, subresource, verbs }) =>
    verbs.map((verb: Verb) => `${resource.plural}${subresource === undefined ? "" : `/${subresource}`} ${verb}`),
  ),
);

/** Rights that calls with a constant ask for, each with a file that does. */
function asked(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const path of sources(SOURCES))
    for (const [, verb = "", kind = ""] of readFileSync(path, "utf8").matchAll(
      /\b(?:api|client|deps\.api|#leading\(\))\s*\.(get|list|create|apply|patchStatus|patch|delete)\(\s*([A-Z_]+)\b/g,
    )) {
      const resource = KINDS[kind];
      if (resource === undefined) throw new Error(`${path}: what is ${kind}?`);
      for (const each of VERBS[verb] ?? []) found.set(right(resource, each), path.slice(SOURCES.length));
    }
  return found;
}

function watched(): readonly core.Resource[] {
  const controllers = createControllers({
    api: undefined as never,
    cache: undefined as never,
    etcd: undefined as never,
    clock: { nowMs: () => 0, wallMs: () => 0 },
    prng: new SeededPrng(1),
    log: NO_LOGGER,
    events: { emit: () => {} },
    options: { canReadNodes: true, canReadStorageClasses: true, isLeader: () => true } as never,
  });
  return controllers.flatMap(({ primary, watches }) => [primary, ...watches.map(({ resource }) => resource)]);
}

describe("the rights of the operator", () => {
  it("are enough for everything that its controllers watch", () => {
    const missing = watched().flatMap((resource) =>
      ["list", "watch"].map((verb) => right(resource, verb)).filter((each) => !given.has(each)),
    );

    expect(missing).toEqual([]);
  });

  it("are enough for every call that names its kind", () => {
    expect([...asked()].filter(([each]) => !given.has(each))).toEqual([]);
  });

  it("are no more than is asked for", () => {
    const uses = new Set([
      ...asked().keys(),
      ...watched().flatMap((resource) => [right(resource, "list"), right(resource, "watch")]),
      ...Object.values(DYNAMIC)
        .flat()
        .flatMap(([plural, verbs]) =>
          verbs.flatMap((verb) => VERBS[verb] ?? []).map((verb) => right({ plural }, verb)),
        ),
      "pods/eviction create",
    ]);
    const unused = [...given].filter((each) => !uses.has(each) && !each.includes("/finalizers"));

    expect(unused).toEqual([]);
  });

  it("never include listing or watching Secrets", () => {
    expect([...given].filter((each) => each.startsWith("secrets "))).toEqual(
      expect.not.arrayContaining(["secrets list", "secrets watch"]),
    );
  });
});
