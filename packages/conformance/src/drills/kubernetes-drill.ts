import { mustBe } from "../kubernetes/config-maps.ts";
import { ControlPlane } from "../kubernetes/control-plane.ts";
import type { KubernetesObject } from "../kubernetes/rest-client.ts";
import type { Checks } from "../suite-report.ts";
import type { SecureCluster } from "./secure-cluster.ts";
import type { Shell } from "./shell.ts";

const NAMESPACE = "/api/v1/namespaces/default";

interface Stored {
  /** As in the paths of both the API and the store. */
  readonly collection: "configmaps" | "secrets";
  readonly object: KubernetesObject & Readonly<Record<string, unknown>>;
  /** A piece of what is in it, in plain text. */
  readonly content: string;
}

const OBJECTS: readonly Stored[] = [
  {
    collection: "configmaps",
    object: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "drill" }, data: { colour: "ultramarine" } },
    content: "ultramarine",
  },
  {
    collection: "secrets",
    object: {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "drill" },
      data: { password: Buffer.from("swordfish").toString("base64") },
    },
    content: "swordfish",
  },
];

/** A real API server on the cluster, over TLS: what it is told to keep is found under its key, and is gone when it is deleted. */
export async function kubernetesDrill(cluster: SecureCluster, checks: Checks): Promise<void> {
  const { certificates, members, shell } = cluster;
  const { certFile, keyFile } = certificates.operator;
  const urls = members.nodes.map((node) => node.clientUrl).join(",");
  await using plane = await ControlPlane.start(urls, {
    certificates: { caFile: certificates.caFile, certFile, keyFile },
  });
  for (const stored of OBJECTS) {
    await checks.run(stored.collection, () => keepAndDelete(plane, shell, checks, stored));
  }
}

async function keepAndDelete(plane: ControlPlane, shell: Shell, checks: Checks, stored: Stored): Promise<void> {
  const { collection, content, object } = stored;
  const created = mustBe(201, await plane.rest.call("POST", `${NAMESPACE}/${collection}`, object));
  const prefix = `/registry/${collection}/default/`;
  const keys = `quoratectl get ${prefix} --prefix --keys-only | grep drill`;
  checks.equal(`${collection}: the key`, await shell.must(keys), `${prefix}drill`);

  const found = await shell.must(`quoratectl get ${prefix}drill -w json | jq -c '.kvs[0] | [.value, .mod_revision]'`);
  const [value, revision] = JSON.parse(found) as readonly [string, number];
  const bytes = Buffer.from(value, "base64");
  checks.equal(`${collection}: Kubernetes' own protobuf`, bytes.subarray(0, 4).toString("latin1"), "k8s\0");
  checks.that(`${collection}: in plain text`, bytes.includes(content), bytes.toString("latin1"));
  checks.equal(`${collection}: resource version`, created.metadata?.resourceVersion, String(revision));

  mustBe(200, await plane.rest.call("DELETE", `${NAMESPACE}/${collection}/drill`));
  const count = `quoratectl get ${prefix}drill -w json | jq '.count // 0'`;
  checks.equal(`${collection}: gone`, await shell.must(count), "0");
  const past = await shell.must(`etcdctl get ${prefix}drill --rev=${revision} --print-value-only`);
  checks.that(`${collection}: until compaction it is in the past`, past.includes(content), past);
}
