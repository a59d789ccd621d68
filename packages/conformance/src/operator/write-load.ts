import { setTimeout as sleep } from "node:timers/promises";
import type { Message } from "../etcd-api.ts";
import type { RunningMember } from "./member-directory.ts";

const LANES = 8;
const CALL_DEADLINE_MS = 3000;
const RETRY_MS = 20;
const FAILED = "unavailable";

/** A write that was acknowledged. */
export interface AcknowledgedWrite {
  readonly key: string;
  readonly revision: number;
  /** Milliseconds since the load began. */
  readonly atMs: number;
}

/** A time in which no write was acknowledged. */
export interface Gap {
  readonly fromMs: number;
  readonly lengthMs: number;
}

export interface LoadReport {
  readonly acknowledged: readonly AcknowledgedWrite[];
  /** Calls that failed and were made again. */
  readonly failedCalls: number;
  /** The longest first. */
  readonly gaps: readonly Gap[];
  /** Longest time that one write took until it was acknowledged, retries included; milliseconds. */
  readonly slowestMs: number;
}

/**
 * Writers that put a new key each time, together so many a second, through whichever members serve; a write that fails is
 * made again elsewhere until it is acknowledged. What was acknowledged is noted, to be looked for afterwards.
 */
export class WriteLoad {
  readonly #members: () => readonly RunningMember[];
  readonly #perSecond: number;
  readonly #prefix: string;
  readonly #acknowledged: AcknowledgedWrite[] = [];
  readonly #lanes: Promise<void>[] = [];
  #failedCalls = 0;
  #slowestMs = 0;
  #startMs = 0;
  #isStopped = false;
  #turn = 0;

  constructor(members: () => readonly RunningMember[], perSecond: number, prefix: string = "load/") {
    this.#members = members;
    this.#perSecond = perSecond;
    this.#prefix = prefix;
  }

  start(): void {
    this.#startMs = performance.now();
    for (let lane = 0; lane < LANES; lane++) this.#lanes.push(this.#run(lane));
  }

  /** Writes acknowledged so far. */
  get count(): number {
    return this.#acknowledged.length;
  }

  /** Milliseconds since the load began. */
  get atMs(): number {
    return performance.now() - this.#startMs;
  }

  /** Lets writes under way end (or be given up after a few seconds) and tells what came of the load. */
  async stop(): Promise<LoadReport> {
    this.#isStopped = true;
    await Promise.all(this.#lanes);
    return {
      acknowledged: this.#acknowledged,
      failedCalls: this.#failedCalls,
      gaps: gapsOf(this.#acknowledged.map(({ atMs }) => atMs)),
      slowestMs: Math.round(this.#slowestMs),
    };
  }

  async #run(lane: number): Promise<void> {
    const everyMs = (1000 * LANES) / this.#perSecond;
    for (let n = 0; !this.#isStopped; n++) {
      const dueMs = (n + lane / LANES) * everyMs;
      if (this.atMs < dueMs) await sleep(dueMs - this.atMs);
      await this.#write(`${this.#prefix}${lane}/${String(n).padStart(7, "0")}`);
    }
  }

  async #write(key: string): Promise<void> {
    const startMs = this.atMs;
    const request = { key: Buffer.from(key), value: Buffer.from(`value of ${key}`) };
    let stopAt: number | undefined;
    for (;;) {
      const revision = await this.#put(request);
      if (revision !== FAILED) {
        const atMs = this.atMs;
        this.#acknowledged.push({ key, revision, atMs });
        this.#slowestMs = Math.max(this.#slowestMs, atMs - startMs);
        return;
      }
      this.#failedCalls += 1;
      if (this.#isStopped) stopAt ??= this.atMs + CALL_DEADLINE_MS;
      if (stopAt !== undefined && this.atMs > stopAt) return;
      await sleep(RETRY_MS);
    }
  }

  async #put(request: Message): Promise<number | typeof FAILED> {
    const members = this.#members();
    const member = members[this.#turn++ % Math.max(1, members.length)];
    if (member === undefined) return FAILED;
    const outcome = await member.api.call("KV/Put", request, CALL_DEADLINE_MS);
    if (!outcome.ok) return FAILED;
    return Number((outcome.response["header"] as { revision: string }).revision);
  }
}

/** Gaps of more than a tenth of a second between times in milliseconds, the longest first. */
export function gapsOf(times: readonly number[]): readonly Gap[] {
  const sorted = [...times].sort((a, b) => a - b);
  const gaps: Gap[] = [];
  for (const [index, atMs] of sorted.entries()) {
    const before = sorted[index - 1];
    if (before !== undefined && atMs - before > 100)
      gaps.push({ fromMs: Math.round(before), lengthMs: Math.round(atMs - before) });
  }
  return gaps.sort((a, b) => b.lengthMs - a.lengthMs);
}

/**
 * What of the acknowledged writes is missing or older than it was acknowledged, read from one member. `upTo` limits it to
 * writes of that revision or an earlier one, as after a restore.
 */
export async function lostWrites(
  member: RunningMember,
  acknowledged: readonly AcknowledgedWrite[],
  prefix: string = "load/",
  upTo: number = Number.POSITIVE_INFINITY,
): Promise<readonly string[]> {
  const revisions = new Map<string, number>();
  const end = Buffer.from(`${prefix.slice(0, -1)}${String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)}`);
  let from = Buffer.from(prefix);
  for (;;) {
    const request = { key: from, range_end: end, limit: 5000, keys_only: true };
    const answer = (await member.api.must("KV/Range", request)) as unknown as RangeAnswer;
    for (const { key, mod_revision } of answer.kvs) revisions.set(key.toString(), Number(mod_revision));
    const last = answer.kvs.at(-1);
    if (!answer.more || last === undefined) break;
    from = Buffer.concat([last.key, Buffer.from([0])]);
  }
  return acknowledged
    .filter(({ revision }) => revision <= upTo)
    .filter(({ key, revision }) => (revisions.get(key) ?? 0) < revision)
    .map(({ key, revision }) => `${key} at ${revision}: ${revisions.get(key) ?? "missing"}`);
}

interface RangeAnswer {
  readonly kvs: readonly { readonly key: Buffer; readonly mod_revision: string }[];
  readonly more: boolean;
}
