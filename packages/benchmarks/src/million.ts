import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  createCompactionRequest,
  decodePutResponse,
  encodeCompactionRequest,
  encodeDefragmentRequest,
} from "@quorate/protocol";
import { EtcdNode } from "@quorate/testkit";
import { runClosedLoop } from "./closed-loop.ts";
import { programs } from "./contestants.ts";
import { memoryOf } from "./process-usage.ts";
import { key, put, value } from "./requests.ts";
import { unary } from "./unary.ts";

/*
 * What a large store costs on both servers: resident memory, disk, time from start to serving, and how long puts take while the
 * store is compacted and defragmented. Reported, without a bar.
 */

const PUT = "/etcdserverpb.KV/Put";
const VALUE = value(256);
const MIB = 1024 * 1024;
/** One in so many keys is put again before the compaction, so that there is something to remove. */
const REWRITTEN_PART = 2;
const PROBE_PAUSE_MS = 2;
const CALL_TIMEOUT_MS = 300_000;

interface Measured {
  readonly residentMib: number;
  readonly diskMib: number;
  readonly startMs: number;
  readonly putP99Ms: number;
  readonly putP99CompactionMs: number;
  readonly putP99DefragmentMs: number;
}

async function measure(name: string, program: readonly string[], keys: number): Promise<Measured> {
  const say = (what: string): void => console.error(`${name}: ${what}`);
  await using node = await EtcdNode.start({
    program,
    readyTimeoutMs: 120_000,
    flags: ["--quota-backend-bytes=8000000000"],
  });
  let revision = await fill(node.clientPort, keys, 0);
  say(`${keys} keys put`);
  revision = Math.max(revision, await fill(node.clientPort, keys / REWRITTEN_PART, 0));
  await node.terminate();
  const begin = performance.now();
  await node.restart();
  const startMs = performance.now() - begin;
  say(`restarted in ${Math.round(startMs)} ms`);
  const residentMib = memoryOf(node.process.pid ?? 0).resident;
  const diskMib = sizeOf(node.dataDirectory) / MIB;
  const quiet = await probe(node.clientPort, new Promise((resolve) => setTimeout(resolve, 3000)));
  const compaction = await probe(
    node.clientPort,
    call(
      node.clientPort,
      "/etcdserverpb.KV/Compact",
      encodeCompactionRequest(createCompactionRequest({ revision, physical: true })),
    ),
  );
  say("compacted");
  const defragment = await probe(
    node.clientPort,
    call(node.clientPort, "/etcdserverpb.Maintenance/Defragment", encodeDefragmentRequest({})),
  );
  say("defragmented");
  return {
    residentMib,
    diskMib,
    startMs,
    putP99Ms: quiet,
    putP99CompactionMs: compaction,
    putP99DefragmentMs: defragment,
  };
}

/** Puts keys from `from` on; returns the newest revision. */
async function fill(port: number, keys: number, from: number): Promise<number> {
  let revision = 0;
  const { failed } = await runClosedLoop({
    port,
    path: PUT,
    connections: 10,
    streams: 50,
    calls: keys,
    request: (_slot, n) => put(key(from + n), VALUE),
    answer: (_slot, bytes, start, end) => {
      revision = Math.max(revision, decodePutResponse(bytes, start, end).header?.revision ?? 0);
    },
  });
  if (failed > 0) throw new Error(`${failed} puts failed`);
  return revision;
}

/** One client that puts at a pace until `until` resolves; the 99th percentile of its latencies in ms. */
async function probe(port: number, until: Promise<unknown>): Promise<number> {
  let over = false;
  void until.finally(() => {
    over = true;
  });
  const latencies: number[] = [];
  while (!over) {
    const begin = performance.now();
    await call(port, PUT, put(key(0), VALUE));
    latencies.push(performance.now() - begin);
    await new Promise((resolve) => setTimeout(resolve, PROBE_PAUSE_MS));
  }
  await until;
  latencies.sort((a, b) => a - b);
  return latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN;
}

/** One call, however long it takes; its answer is thrown away. */
function call(port: number, path: string, request: Uint8Array): Promise<void> {
  return unary(port, path, request, () => undefined, CALL_TIMEOUT_MS);
}

function sizeOf(path: string): number {
  const { blocks } = statSync(path);
  const inside = statSync(path).isDirectory() ? readdirSync(path).map((name) => sizeOf(join(path, name))) : [];
  // Blocks rather than lengths: what is preallocated and not written takes no space.
  return inside.reduce((sum, size) => sum + size, blocks * 512);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { keys: { type: "string", default: "1000000" } } });
  const { etcd, quorate } = programs("3.4");
  const keys = Number(values.keys);
  const ours = await measure("quorate", quorate, keys);
  const theirs = await measure("etcd", etcd, keys);
  console.log(`| ${keys.toLocaleString("en-US")} keys | etcd | Quorate | ratio |\n| --- | --- | --- | --- |`);
  for (const name of Object.keys(ours) as (keyof Measured)[]) {
    console.log(
      `| ${name} | ${theirs[name].toFixed(1)} | ${ours[name].toFixed(1)} | ${(ours[name] / theirs[name]).toFixed(2)} |`,
    );
  }
}

await main();
