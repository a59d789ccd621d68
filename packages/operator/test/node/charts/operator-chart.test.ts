import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { peersAreRequired } from "@quorate/testkit";
import { parse } from "yaml";
import { CLIENT_PORT, PEER_PORT } from "../../../src/core/index.ts";
import { readmeWithValues } from "../../../src/node/api-files/chart-values.ts";
import { parseRunConfig } from "../../../src/node/config/index.ts";
import { PERMISSIONS } from "../../../src/node/program/permissions.ts";
import { CHART, hasHelm, helm, NEWEST, OLDEST, type Rendered, ROOT, type RoleRule, render, SHAPES } from "./render.ts";

interface Container {
  readonly args: readonly string[];
  readonly image: string;
  readonly securityContext?: Record<string, unknown>;
}
interface PodSpec {
  readonly containers: readonly Container[];
  readonly securityContext?: Record<string, unknown>;
  readonly serviceAccountName: string;
}

const read = (name: string): string => readFileSync(join(CHART, name), "utf8");
const named = (objects: readonly Rendered[], kind: string): readonly Rendered[] =>
  objects.filter((object) => object.kind === kind);
const podOf = (object: Rendered): PodSpec | undefined => {
  if (object.kind === "Pod") return object.spec as unknown as PodSpec;
  return (object.spec?.["template"] as { readonly spec?: PodSpec } | undefined)?.spec;
};

describe("the operator's chart, as files", () => {
  it("has a README whose table of values is what `npm run generate:api` writes", () => {
    expect(readmeWithValues(read("README.md"), read("values.yaml"))).toBe(read("README.md"));
  });

  it("has a schema for every value, and takes no other at any level but in free maps", () => {
    const schema = JSON.parse(read("values.schema.json")) as Schema;
    const unknown: string[] = [];
    const walk = (values: unknown, part: Schema, path: string): void => {
      if (part.additionalProperties !== false) return;
      for (const [key, value] of Object.entries(values as Record<string, unknown>)) {
        const next = part.properties?.[key];
        if (next === undefined) unknown.push(`${path}${key}`);
        else if (next.properties !== undefined) walk(value, next, `${path}${key}.`);
      }
    };
    walk(parse(read("values.yaml")), schema, "");

    expect(unknown).toEqual([]);
  });

  it("lists the images and the resource definitions that it installs", () => {
    const { annotations } = parse(read("Chart.yaml")) as { readonly annotations: Readonly<Record<string, string>> };
    const values = parse(read("values.yaml")) as {
      readonly image: { readonly repository: string };
      readonly images: { readonly server: { readonly repository: string } };
      readonly config: { readonly defaultServerVersion: string };
    };

    expect(annotations["quorate.dev/images"]).toContain(`${values.image.repository}:`);
    expect(annotations["quorate.dev/images"]).toContain(
      `${values.images.server.repository}:${values.config.defaultServerVersion}`,
    );
    expect(annotations["quorate.dev/resource-definitions"]?.trim().split("\n")).toHaveLength(5);
  });

  it("has the dashboard and the alerts on servers that the repository has", () => {
    expect(read("files/rules/servers.yaml")).toBe(readFileSync(join(ROOT, "dashboards/alerts.yaml"), "utf8"));
    expect(read("files/dashboards/servers.json")).toBe(readFileSync(join(ROOT, "dashboards/grafana.json"), "utf8"));
  });
});

interface Schema {
  readonly additionalProperties?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
}

if (!hasHelm && peersAreRequired()) throw new Error("helm is not installed");

(hasHelm ? describe : describe.skip)("the operator's chart, rendered", () => {
  it.each(SHAPES)("passes the strict lint as %s", async (_name, file) => {
    const { code, output } = await helm("lint", "--strict", CHART, "-f", file);

    expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining("0 chart(s) failed") });
  });

  it.each([
    ["an unknown value", "--set=metrics.prot=1", "additional properties 'prot' not allowed"],
    ["an unknown scope", "--set=watch.scope=Some", "watch"],
    ["the tag latest", "--set=image.tag=latest", "image"],
    ["namespaces without a list", "--set=watch.scope=List", "watch.namespaces must name at least one namespace"],
    ["a list that means nothing", "--set=watch.namespaces={a}", "watch.namespaces has a meaning only"],
    ["two replicas without election", "--set=leaderElection.enabled=false", "needs leaderElection.enabled"],
    ["no service account at all", "--set=serviceAccount.create=false", "serviceAccount.name is needed"],
  ])("refuses %s", async (_what, flag, message) => {
    const { code, output } = await helm("template", "release", CHART, flag);

    expect(code).not.toBe(0);
    expect(output).toContain(message);
  });

  it.each(SHAPES)(
    "renders the same twice, with the release's namespace in every namespaced object, as %s",
    async (_name, file) => {
      const first = await render("-f", file, ...NEWEST);

      expect(await render("-f", file, ...NEWEST)).toEqual(first);
      for (const { kind, metadata } of first) {
        const isEverywhere = /^(Cluster|CustomResource|ValidatingAdmission)/.test(kind);
        expect([kind, metadata.name, metadata.namespace === undefined]).toEqual([
          kind,
          metadata.name,
          isEverywhere || (kind === "ConfigMap" && metadata.namespace === undefined),
        ]);
      }
    },
  );

  it.each(SHAPES)("starts the operator with flags that its program takes, as %s", async (_name, file) => {
    const [deployment] = named(await render("-f", file), "Deployment");
    const args = podOf(deployment as Rendered)?.containers[0]?.args ?? [];

    expect(parseRunConfig(args.slice(1), {})).toMatchObject({ kind: "config" });
  });

  it("lets the operator reach both listeners of members where it restricts the network", async () => {
    const [policy] = named(await render("--set=networkPolicy.enabled=true"), "NetworkPolicy");

    const egress = policy?.spec?.["egress"] as readonly { readonly ports?: readonly { readonly port: number }[] }[];
    const allowed = egress.flatMap(({ ports }) => ports?.map(({ port }) => port) ?? []);
    expect(allowed).toEqual(expect.arrayContaining([CLIENT_PORT, PEER_PORT]));
  });

  it.each(SHAPES)("makes only Pods that the restricted profile allows, as %s", async (_name, file) => {
    const pods = (await render("-f", file, ...NEWEST)).flatMap((object) => podOf(object) ?? []);
    expect(pods.length).toBeGreaterThan(1);

    for (const pod of pods) {
      expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
      for (const { securityContext } of pod.containers)
        expect(securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          runAsNonRoot: true,
          capabilities: { drop: ["ALL"] },
        });
    }
  });

  it.each([
    ["the oldest", OLDEST, "policy/v1beta1", 0],
    ["the newest", NEWEST, "policy/v1", 1],
  ] as const)("makes what %s API server has", async (_which, flags, policy, policies) => {
    const objects = await render(...flags);

    expect(named(objects, "PodDisruptionBudget")[0]?.apiVersion).toBe(policy);
    expect(named(objects, "ValidatingAdmissionPolicy")).toHaveLength(policies);
    const rules = JSON.stringify(named(objects, "CustomResourceDefinition")).includes("x-kubernetes-validations");
    expect(rules).toBe(policies === 1);
  });

  it("keeps the resource definitions at uninstall unless told otherwise", async () => {
    const keep = (objects: readonly Rendered[]): unknown[] =>
      named(objects, "CustomResourceDefinition").map(
        ({ metadata }) => metadata.annotations?.["helm.sh/resource-policy"],
      );

    expect(keep(await render())).toEqual(Array(5).fill("keep"));
    expect(keep(await render("--set=crds.keep=false"))).toEqual(Array(5).fill(undefined));
    expect(keep(await render("--set=crds.install=false"))).toEqual([]);
  });

  it("makes no monitors where the API server does not have their kinds, unless forced", async () => {
    const on = ["--set=metrics.serviceMonitor.enabled=true", "--set=metrics.rules.enabled=true"];

    expect(named(await render(...OLDEST, ...on), "ServiceMonitor")).toEqual([]);
    expect(named(await render(...OLDEST, ...on, "--set=metrics.force=true"), "ServiceMonitor")).toHaveLength(1);
    const [rule] = named(
      await render(...NEWEST, ...on, "--set=metrics.rules.disabled={EtcdNoLeader}"),
      "PrometheusRule",
    );
    const alerts = ((rule as Rendered).spec as { groups: { rules: { alert: string }[] }[] }).groups.flatMap(
      ({ rules }) => rules,
    );
    expect(alerts.length).toBeGreaterThan(30);
    expect(alerts.map(({ alert }) => alert)).not.toContain("EtcdNoLeader");
  });

  it("gives the operator the rights that its program uses, and no others", async () => {
    const roles = await render("--set=rbac.aggregate=false");

    expect(rights(named(roles, "ClusterRole"))).toEqual(wanted(["watched", "cluster"]));
    expect(rights(named(roles, "Role"))).toEqual(wanted(["own"]));
  });

  it("gives no cluster-wide right in the scope of one namespace, and the same rights within it", async () => {
    const objects = await render(
      "--set=watch.scope=Release,rbac.nodes=false,rbac.storageClasses=false,rbac.aggregate=false,rbac.podMonitors=false",
    );

    expect(named(objects, "ClusterRole")).toEqual([]);
    const options = new Set(["nodes", "storageClasses", "podMonitors"]);
    expect(rights(named(objects, "Role"))).toEqual(wanted(["watched", "own"], options));
  });

  it("gives the rights once in each namespace of a list", async () => {
    const objects = await render("--set=watch.scope=List,watch.namespaces={b,a,b}");
    const namespaces = named(objects, "Role").map(({ metadata }) => metadata.namespace);

    expect(namespaces).toEqual(["a", "b", "operators"]);
    const [deployment] = named(objects, "Deployment");
    expect(podOf(deployment as Rendered)?.containers[0]?.args).toContain("--namespaces=a,b");
  });

  it("has no wildcard, and no list or watch of Secrets, in any role", async () => {
    for (const { rules } of (await render(...NEWEST)).filter(({ kind }) => kind.endsWith("Role")))
      for (const rule of rules ?? []) {
        expect(JSON.stringify(rule)).not.toContain("*");
        if (rule.resources.includes("secrets")) expect(rule.verbs).toEqual(["create", "delete", "get", "patch"]);
      }
  });
});

/** `group/resource verb` of each right. */
function rights(roles: readonly { readonly rules?: readonly RoleRule[] }[]): readonly string[] {
  return roles
    .flatMap(({ rules = [] }) => rules)
    .flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => `${group}/${resource} ${verb}`)),
      ),
    )
    .sort();
}

function wanted(scopes: readonly string[], without: ReadonlySet<string> = new Set()): readonly string[] {
  return PERMISSIONS.filter(({ scope, option }) => scopes.includes(scope) && !without.has(option ?? ""))
    .flatMap(({ resource, subresource, verbs }) => {
      const group = resource.apiVersion.includes("/") ? resource.apiVersion.split("/")[0] : "";
      const name = subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`;
      return verbs.map((verb) => `${group}/${name} ${verb}`);
    })
    .sort();
}
