import { decodeTxnResponse, decodeWatchResponse } from "@quorate/protocol";
import { type ClosedLoop, type LoadResult, runClosedLoop, untilDone } from "./closed-loop.ts";
import { revisionOf, runH2load } from "./h2load.ts";
import { LoadConnection } from "./load-connection.ts";
import { get, getPrefix, key, put, update, value, watchPrefix } from "./requests.ts";

const PUT = "/etcdserverpb.KV/Put";
const RANGE = "/etcdserverpb.KV/Range";
const TXN = "/etcdserverpb.KV/Txn";
const WATCH = "/etcdserverpb.Watch/Watch";

/** One figure of one server. `better` says which way is good. */
export interface Figure {
  readonly value: number;
  readonly unit: string;
}

/** A workload that can be run against either server. */
export interface Workload {
  readonly name: string;
  readonly title: string;
  /** The ratio to etcd that issue 2 asks for, and on which side of it the figure must lie. */
  readonly bar: { readonly ratio: number; readonly side: "atLeast" | "atMost" } | undefined;
  /** Whether it reads what was put: the servers are then restarted first, which is etcd's best state for reads. */
  readonly reads: boolean;
  /** Puts what it needs; not measured. */
  readonly prepare?: (port: number) => Promise<void>;
  readonly run: (port: number) => Promise<Figure>;
}

const KEYS = 10_000;
const SMALL = value(64);
const PREFIX_KEYS = 1000;
const PREFIX = "kib/";

async function checked(load: ClosedLoop): Promise<LoadResult> {
  const result = await runClosedLoop(load);
  if (result.failed > 0) throw new Error(`${load.path}: ${result.failed} of ${result.calls} calls failed`);
  return result;
}

async function rate(load: ClosedLoop): Promise<Figure> {
  return { value: (await checked(load)).perSecond, unit: "/s" };
}

async function meanLatency(load: ClosedLoop): Promise<Figure> {
  const { calls, seconds } = await checked(load);
  return { value: (seconds / calls) * 1000, unit: "ms" };
}

function putLoad(port: number, connections: number, streams: number, calls: number): ClosedLoop {
  const requests = Array.from({ length: KEYS }, (_, n) => put(key(n), SMALL));
  return { port, path: PUT, connections, streams, calls, request: (_slot, n) => requests[n % KEYS] as Uint8Array };
}

function getLoad(port: number, serializable: boolean, connections: number, streams: number, calls: number): ClosedLoop {
  const requests = Array.from({ length: KEYS }, (_, n) => get(key(n), serializable));
  return {
    port,
    path: RANGE,
    connections,
    streams,
    calls,
    request: (_slot, n) => requests[(n * 7919) % KEYS] as Uint8Array,
  };
}

async function putAllKeys(port: number): Promise<void> {
  await checked(putLoad(port, 10, 50, KEYS));
}

async function putPrefix(port: number): Promise<void> {
  await checked({
    port,
    path: PUT,
    connections: 4,
    streams: 10,
    calls: PREFIX_KEYS,
    request: (_slot, n) => put(key(n, PREFIX), value(1024)),
  });
}

/** The same put over and over by h2load; all of them must have taken effect. */
async function h2loadPuts(port: number, connections: number, streams: number, calls: number): Promise<Figure> {
  const before = await revisionOf(port);
  const rate = await runH2load({ port, path: PUT, connections, streams, calls, request: put(key(0), SMALL) });
  const puts = (await revisionOf(port)) - before;
  if (puts !== calls) throw new Error(`${puts} of ${calls} puts took effect`);
  return { value: rate, unit: "/s" };
}

/** Each caller updates an object of its own, by the revision that its last update came to. */
function updateLoad(port: number, calls: number): ClosedLoop {
  const callers = 500;
  const revisions = Array.from({ length: callers }, () => 0);
  return {
    port,
    path: TXN,
    connections: 10,
    streams: 50,
    calls,
    request: (slot) => update(key(slot, "object/"), value(512), revisions[slot] as number),
    answer: (slot, bytes, start, end) => {
      const response = decodeTxnResponse(bytes, start, end);
      // A failed compare answers with the object, as on the first round of a server that has it already.
      const found = response.responses[0]?.responseRange?.kvs[0]?.modRevision;
      revisions[slot] = response.succeeded ? (response.header?.revision ?? 0) : (found ?? 0);
    },
  };
}

const WATCHERS = 100;
const WATCHED_PUTS = 3000;

/** 100 watchers of one prefix on 10 connections while 50 callers put into it; events received a second, over all. */
async function fanOut(port: number): Promise<Figure> {
  let created = 0;
  let events = 0;
  let failed = false;
  let createdAll: () => void = () => {};
  let receivedAll: () => void = () => {};
  const ready = new Promise<void>((resolve) => {
    createdAll = resolve;
  });
  const received = new Promise<void>((resolve) => {
    receivedAll = resolve;
  });
  const handler = {
    message: (_slot: number, bytes: Buffer, start: number, end: number): void => {
      if (created < WATCHERS) {
        if (decodeWatchResponse(bytes, start, end).created && ++created === WATCHERS) createdAll();
        return;
      }
      events += countEvents(bytes, start, end);
      if (events >= WATCHERS * WATCHED_PUTS) receivedAll();
    },
    ended: (): void => {
      failed = true;
    },
  };
  const connections: LoadConnection[] = [];
  for (let i = 0; i < 10; i++) connections.push(await LoadConnection.open(port, WATCH, handler));
  for (let i = 0; i < WATCHERS; i++) connections[i % 10]?.call(i, watchPrefix("watched/"), true);
  await untilDone(ready, () => created, 10_000, "creation of watchers");
  const begin = performance.now();
  const writes = checked({
    port,
    path: PUT,
    connections: 1,
    streams: 50,
    calls: WATCHED_PUTS,
    request: (_slot, n) => put(key(n % 100, "watched/"), SMALL),
  });
  await untilDone(received, () => events, 20_000, "events");
  const seconds = (performance.now() - begin) / 1000;
  await writes;
  if (failed || events !== WATCHERS * WATCHED_PUTS) throw new Error(`watchers got ${events} events`);
  for (const connection of connections) connection.close();
  return { value: events / seconds, unit: "/s" };
}

/** Counts the fields number 11 (events) of an encoded WatchResponse without decoding them. */
export function countEvents(bytes: Buffer, start: number, end: number): number {
  let count = 0;
  let position = start;
  const varint = (): number => {
    let result = 0;
    let scale = 1;
    for (;;) {
      const byte = bytes[position++] as number;
      result += (byte & 0x7f) * scale;
      if (byte < 0x80) return result;
      scale *= 128;
    }
  };
  while (position < end) {
    const tag = varint();
    const length = varint();
    if ((tag & 7) === 2) position += length;
    if (tag >>> 3 === 11) count++;
  }
  return count;
}

/** The workloads of the throughput bar, in the order in which they are reported. */
export const WORKLOADS: readonly Workload[] = [
  {
    name: "put-10x50",
    title: "put, 64-byte values, 10 connections x 50 streams (h2load)",
    bar: { ratio: 3, side: "atLeast" },
    reads: false,
    run: (port) => h2loadPuts(port, 10, 50, 100_000),
  },
  {
    name: "put-100x1",
    title: "put, 64-byte values, 100 connections x 1 stream (h2load)",
    bar: { ratio: 2, side: "atLeast" },
    reads: false,
    run: (port) => h2loadPuts(port, 100, 1, 40_000),
  },
  {
    name: "put-10x50-keys",
    title: "the same over 10,000 keys, 10 x 50",
    bar: undefined,
    reads: false,
    run: (port) => rate(putLoad(port, 10, 50, 60_000)),
  },
  {
    name: "put-100x1-keys",
    title: "the same over 10,000 keys, 100 x 1",
    bar: undefined,
    reads: false,
    run: (port) => rate(putLoad(port, 100, 1, 30_000)),
  },
  {
    name: "get-linearizable",
    title: "get, linearizable, 10 x 50",
    bar: { ratio: 4, side: "atLeast" },
    reads: true,
    prepare: putAllKeys,
    run: (port) => rate(getLoad(port, false, 10, 50, 100_000)),
  },
  {
    name: "get-serializable",
    title: "get, serializable, 10 x 50",
    bar: { ratio: 4, side: "atLeast" },
    reads: true,
    prepare: putAllKeys,
    run: (port) => rate(getLoad(port, true, 10, 50, 100_000)),
  },
  {
    name: "update-txn",
    title: "update transaction of the API server, 10 x 50",
    bar: { ratio: 3, side: "atLeast" },
    reads: false,
    run: (port) => rate(updateLoad(port, 40_000)),
  },
  {
    name: "prefix-1000",
    title: "prefix get, 1,000 keys x 1 KiB, 10 callers",
    bar: { ratio: 1.5, side: "atLeast" },
    reads: true,
    prepare: putPrefix,
    run: (port) =>
      rate({ port, path: RANGE, connections: 10, streams: 1, calls: 1000, request: () => getPrefix(PREFIX) }),
  },
  {
    name: "watch-fan-out",
    title: "events delivered, 100 watchers of one prefix",
    bar: { ratio: 2, side: "atLeast" },
    reads: false,
    run: fanOut,
  },
  {
    name: "put-alone",
    title: "mean latency of one client alone: put",
    bar: { ratio: 1, side: "atMost" },
    reads: false,
    run: (port) => meanLatency(putLoad(port, 1, 1, 2000)),
  },
  {
    name: "get-alone",
    title: "mean latency of one client alone: get",
    bar: { ratio: 0.8, side: "atMost" },
    reads: true,
    prepare: putAllKeys,
    run: (port) => meanLatency(getLoad(port, false, 1, 1, 4000)),
  },
];
