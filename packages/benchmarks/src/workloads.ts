import { decodeTxnResponse, decodeWatchResponse } from "@quorate/protocol";
import { type ClosedLoop, untilDone } from "./closed-loop.ts";
import { LoadConnection } from "./load-connection.ts";
import {
  checked,
  type Figure,
  getLoad,
  h2loadPuts,
  meanLatency,
  PUT,
  putAllKeys,
  putLoad,
  RANGE,
  rate,
  SMALL,
} from "./loads.ts";
import { getPrefix, key, put, update, value, watchPrefix } from "./requests.ts";

const TXN = "/etcdserverpb.KV/Txn";
const WATCH = "/etcdserverpb.Watch/Watch";

/** What is compared, and what must come of it. */
export interface Subject {
  readonly name: string;
  readonly title: string;
  /** The ratio to etcd that is asked for, and on which side of it the figure must lie. */
  readonly bar: { readonly ratio: number; readonly side: "atLeast" | "atMost" } | undefined;
}

/** A workload that can be run against either contestant; `Target` says where to send it. */
export interface Workload<Target> extends Subject {
  /** Whether it reads what was put: the servers are then restarted first, which is etcd's best state for reads. */
  readonly reads: boolean;
  /** Puts what it needs; not measured. */
  readonly prepare?: (target: Target) => Promise<void>;
  readonly run: (target: Target) => Promise<Figure>;
}

const PREFIX_KEYS = 1000;
const PREFIX = "kib/";
const MANY_STREAMS = { connections: 10, streams: 50 };
const MANY_CONNECTIONS = { connections: 100, streams: 1 };
const ALONE = { connections: 1, streams: 1 };

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
  return { value: events / seconds, unit: "/s", operations: events };
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

/** The workloads of one server (`Target`: its client port), in the order in which they are reported. */
export const WORKLOADS: readonly Workload<number>[] = [
  {
    name: "put-10x50",
    title: "put, 64-byte values, 10 connections x 50 streams (h2load)",
    bar: { ratio: 3, side: "atLeast" },
    reads: false,
    run: (port) => h2loadPuts(port, MANY_STREAMS, 100_000),
  },
  {
    name: "put-100x1",
    title: "put, 64-byte values, 100 connections x 1 stream (h2load)",
    bar: { ratio: 2, side: "atLeast" },
    reads: false,
    run: (port) => h2loadPuts(port, MANY_CONNECTIONS, 40_000),
  },
  {
    name: "put-10x50-keys",
    title: "the same over 10,000 keys, 10 x 50",
    bar: undefined,
    reads: false,
    run: (port) => rate(putLoad(port, MANY_STREAMS, 60_000)),
  },
  {
    name: "put-100x1-keys",
    title: "the same over 10,000 keys, 100 x 1",
    bar: undefined,
    reads: false,
    run: (port) => rate(putLoad(port, MANY_CONNECTIONS, 30_000)),
  },
  {
    name: "get-linearizable",
    title: "get, linearizable, 10 x 50",
    bar: { ratio: 4, side: "atLeast" },
    reads: true,
    prepare: putAllKeys,
    run: (port) => rate(getLoad(port, false, MANY_STREAMS, 100_000)),
  },
  {
    name: "get-serializable",
    title: "get, serializable, 10 x 50",
    bar: { ratio: 4, side: "atLeast" },
    reads: true,
    prepare: putAllKeys,
    run: (port) => rate(getLoad(port, true, MANY_STREAMS, 100_000)),
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
    run: (port) => meanLatency(putLoad(port, ALONE, 2000)),
  },
  {
    name: "get-alone",
    title: "mean latency of one client alone: get",
    bar: { ratio: 0.8, side: "atMost" },
    reads: true,
    prepare: putAllKeys,
    run: (port) => meanLatency(getLoad(port, false, ALONE, 4000)),
  },
];
