import type { ConnectionOptions } from "node:tls";
import { LoadConnection } from "./load-connection.ts";

/** A load of unary calls in which each of `connections` times `streams` callers sends its next request on the answer. */
export interface ClosedLoop {
  readonly port: number;
  /** Default: plain text. */
  readonly tls?: ConnectionOptions;
  /** Full method path. */
  readonly path: string;
  readonly connections: number;
  readonly streams: number;
  /** Calls in all. */
  readonly calls: number;
  /** The request number `n` (from 0) of caller `slot`. */
  readonly request: (slot: number, n: number) => Uint8Array;
  /** Sees each answer of a caller before its next request is asked for; borrowed. */
  readonly answer?: (slot: number, bytes: Buffer, start: number, end: number) => void;
}

/** What came of it. */
export interface LoadResult {
  readonly calls: number;
  readonly failed: number;
  readonly seconds: number;
  readonly perSecond: number;
}

/** Runs the load and resolves when every call was answered. Rejects when nothing is answered for `stallMs`. */
export async function runClosedLoop(load: ClosedLoop, stallMs = 20_000): Promise<LoadResult> {
  let started = 0;
  let finished = 0;
  let failed = 0;
  let finish: (() => void) | undefined;
  const all = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const connections: LoadConnection[] = [];
  const next = (slot: number): void => {
    if (started >= load.calls) return;
    const n = started++;
    (connections[Math.floor(slot / load.streams)] as LoadConnection).call(slot, load.request(slot, n));
  };
  const handler = {
    message: load.answer,
    ended: (slot: number, ok: boolean): void => {
      finished++;
      if (!ok) failed++;
      if (finished === load.calls) finish?.();
      else next(slot);
    },
  };
  for (let i = 0; i < load.connections; i++) {
    connections.push(await LoadConnection.open(load.port, load.path, handler, load.tls));
  }
  const begin = performance.now();
  for (let slot = 0; slot < load.connections * load.streams; slot++) next(slot);
  await untilDone(all, () => finished, stallMs, load.path);
  const seconds = (performance.now() - begin) / 1000;
  for (const connection of connections) connection.close();
  return { calls: load.calls, failed, seconds, perSecond: load.calls / seconds };
}

/** Waits for `done`, but not on while `progress` stands still for `stallMs`. */
export async function untilDone(
  done: Promise<void>,
  progress: () => number,
  stallMs: number,
  what: string,
): Promise<void> {
  let last = -1;
  let timer: NodeJS.Timeout | undefined;
  const stalled = new Promise<never>((_, reject) => {
    timer = setInterval(() => {
      if (progress() === last) reject(new Error(`${what}: nothing answered for ${stallMs} ms after ${last}`));
      last = progress();
    }, stallMs);
  });
  try {
    await Promise.race([done, stalled]);
  } finally {
    clearInterval(timer);
  }
}
