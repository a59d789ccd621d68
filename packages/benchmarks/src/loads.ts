import { type ClosedLoop, type LoadResult, runClosedLoop } from "./closed-loop.ts";
import { runH2load } from "./h2load.ts";
import { get, key, put, value } from "./requests.ts";
import { revisionOf, unary } from "./unary.ts";

/*
 * The loads that workloads are made of. Each rejects when a call failed or a write did not take effect, so that no figure
 * counts an error as work done.
 */

export const PUT = "/etcdserverpb.KV/Put";
export const RANGE = "/etcdserverpb.KV/Range";
export const SMALL: Uint8Array = value(64);
const KEYS = 10_000;

/** One figure of one server. */
export interface Figure {
  readonly value: number;
  readonly unit: string;
  /** Calls that it comes from, or events. */
  readonly operations: number;
}

/** Connections, and calls that each of them has under way. */
export interface Shape {
  readonly connections: number;
  readonly streams: number;
}

export async function checked(load: ClosedLoop): Promise<LoadResult> {
  const result = await runClosedLoop(load);
  if (result.failed > 0) throw new Error(`${load.path}: ${result.failed} of ${result.calls} calls failed`);
  return result;
}

export async function rate(load: ClosedLoop): Promise<Figure> {
  return { value: (await checked(load)).perSecond, unit: "/s", operations: load.calls };
}

export async function meanLatency(load: ClosedLoop): Promise<Figure> {
  const { calls, seconds } = await checked(load);
  return { value: (seconds / calls) * 1000, unit: "ms", operations: calls };
}

/** Puts of 64 bytes over 10,000 keys, in turn. */
export function putLoad(port: number, shape: Shape, calls: number): ClosedLoop {
  const requests = Array.from({ length: KEYS }, (_, n) => put(key(n), SMALL));
  return { port, path: PUT, ...shape, calls, request: (_slot, n) => requests[n % KEYS] as Uint8Array };
}

/** Gets over the keys of {@link putLoad}, in an order of its own. */
export function getLoad(port: number, serializable: boolean, shape: Shape, calls: number): ClosedLoop {
  const requests = Array.from({ length: KEYS }, (_, n) => get(key(n), serializable));
  return {
    port,
    path: RANGE,
    ...shape,
    calls,
    request: (_slot, n) => requests[(n * 7919) % KEYS] as Uint8Array,
  };
}

/** Puts what {@link getLoad} gets. */
export async function putAllKeys(port: number): Promise<void> {
  await checked(putLoad(port, { connections: 10, streams: 50 }, KEYS));
}

/** The same put over and over by h2load; all of them must have taken effect. */
export async function h2loadPuts(port: number, shape: Shape, calls: number): Promise<Figure> {
  const before = await revisionOf(port);
  const { perSecond } = await runH2load({ port, path: PUT, ...shape, request: put(key(0), SMALL) }, calls);
  const puts = (await revisionOf(port)) - before;
  if (puts !== calls) throw new Error(`${puts} of ${calls} puts took effect`);
  return { value: perSecond, unit: "/s", operations: calls };
}

/** The same get over and over by h2load. h2load does not look at gRPC statuses; the size of the answers tells. */
export async function h2loadGets(port: number, shape: Shape, calls: number): Promise<Figure> {
  const request = get(key(0), false);
  const answerBytes = await unary(port, RANGE, request, (_bytes, start, end) => end - start);
  const { perSecond, dataBytes } = await runH2load({ port, path: RANGE, ...shape, request }, calls);
  const answers = dataBytes / (5 + answerBytes);
  if (answers !== calls) throw new Error(`${answers} of ${calls} gets got the key`);
  return { value: perSecond, unit: "/s", operations: calls };
}
