import { ChildServer, EtcdCluster, waitUntil } from "@quorate/testkit";
import { EtcdApi, type Message } from "../etcd-api.ts";

const KEYS = 50;
const READY = /ready to serve client requests|serving client traffic insecurely/;

/** What is left of three members when one is forced to stand alone, and when that one is started again. */
export interface ForcedCluster {
  /** Names of the members, as the one that is left tells them, after each of the two starts. */
  readonly members: readonly (readonly string[])[];
  /** Keys that it holds, of those that all had acknowledged, the last of which it may not know to be committed. */
  readonly isComplete: boolean;
  /** Whether it takes a write after each of the two starts. */
  readonly writes: readonly boolean[];
}

/** Kills all of three members, and starts one alone with `--force-new-cluster`, and then without. */
export async function forcedCluster(program: readonly string[]): Promise<ForcedCluster> {
  await using cluster = await EtcdCluster.start({ members: [{ program }, { program }, { program }], medium: "memory" });
  await using founder = connection(cluster.node(0).endpoint);
  for (let index = 0; index < KEYS; index++) await founder.api.must("KV/Put", keyed(`k${index}`));
  for (const index of [0, 1, 2]) await cluster.kill(index);
  const members: string[][] = [];
  const writes: boolean[] = [];
  let count = 0;
  for (const flags of [["--force-new-cluster"], []]) {
    await using server = await startAlone(program, cluster, flags);
    await using left = connection(cluster.node(1).endpoint);
    // It has to be elected first.
    const put = (): Promise<boolean> => left.api.call("KV/Put", keyed("after")).then(({ ok }) => ok);
    await waitUntil(put, { what: "a write to a lone member", timeoutMs: 20_000 });
    writes.push(await put());
    const range = { key: Buffer.from("k"), range_end: Buffer.from("l"), count_only: true };
    count = Number((await left.api.must("KV/Range", range))["count"]);
    const list = await left.api.must("Cluster/MemberList", { linearizable: true });
    members.push((list["members"] as readonly { readonly name: string }[]).map(({ name }) => name));
    await server.kill();
  }
  return { members, isComplete: count === KEYS || count === KEYS - 1, writes };
}

async function startAlone(
  program: readonly string[],
  cluster: EtcdCluster,
  flags: readonly string[],
): Promise<ChildServer> {
  const { dataDirectory, endpoint, listenPeerUrl, logFile, name, peerUrl } = cluster.node(1);
  const given = [
    `--name=${name}`,
    `--data-dir=${dataDirectory}`,
    `--listen-client-urls=http://${endpoint}`,
    `--advertise-client-urls=http://${endpoint}`,
    `--listen-peer-urls=${listenPeerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=${name}=${peerUrl}`,
    "--logger=zap",
  ];
  return await ChildServer.start({ command: [...program, ...given, ...flags], logFile, ready: READY });
}

function connection(endpoint: string): { readonly api: EtcdApi } & AsyncDisposable {
  const api = new EtcdApi(endpoint);
  return { api, [Symbol.asyncDispose]: async () => api.close() };
}

function keyed(key: string): Message {
  return { key: Buffer.from(key), value: Buffer.from("v") };
}
