import { setTimeout as sleep } from "node:timers/promises";
import { type EtcdNodeOptions, SeededChoice, waitUntil } from "@quorate/testkit";
import type { Message } from "../etcd-api.ts";
import { BEHAVIOUR_CHANGES, type BehaviourChange, hasChange } from "./behaviour-changes.ts";
import { differences } from "./differences.ts";
import type { KeyRange } from "./key-space.ts";
import { EventComparison } from "./settle.ts";
import { Side } from "./side.ts";
import { describeStep, type Step } from "./step.ts";
import { StepGenerator } from "./step-generator.ts";
import { World } from "./world.ts";

export interface SeedOptions {
  readonly seed: number;
  readonly requests: number;
  /** The real etcd. */
  readonly peer: EtcdNodeOptions;
  /** The server under test. */
  readonly target: EtcdNodeOptions;
}

export interface SeedResult {
  readonly seed: number;
  readonly requests: number;
  /** What differed and is not excused, with the step that showed it. */
  readonly differences: readonly string[];
  /** How often each known change of behaviour explained a difference. */
  readonly excused: ReadonlyMap<string, number>;
  /** How many steps of each kind were done, and how many ended with each status. */
  readonly coverage: ReadonlyMap<string, number>;
  readonly events: number;
  readonly seconds: number;
}

const CATCH_UP_MS = 350;
const LEASE_END_MS = 10_000;
const READS_MAX = 16;
const DIFFERENCES_MAX = 5;

/** Runs one seed: the same random steps against both servers, each freshly started, compared step by step. */
export async function runSeed(options: SeedOptions): Promise<SeedResult> {
  const [peer, target] = await Promise.all([Side.start(options.peer), Side.start(options.target)]);
  const run = new SeedRun(options, peer, target);
  try {
    return await run.toEnd();
  } finally {
    await Promise.all([peer.close(), target.close()]);
  }
}

class SeedRun {
  readonly #options: SeedOptions;
  readonly #peer: Side;
  readonly #target: Side;
  readonly #world = new World();
  readonly #generator: StepGenerator;
  readonly #events: EventComparison;
  readonly #changes: readonly BehaviourChange[];
  readonly #differences: string[] = [];
  readonly #excused = new Map<string, number>();
  readonly #coverage = new Map<string, number>();
  #reads: { step: Step; position: number }[] = [];

  constructor(options: SeedOptions, peer: Side, target: Side) {
    this.#options = options;
    this.#peer = peer;
    this.#target = target;
    this.#generator = new StepGenerator(new SeededChoice(options.seed), this.#world);
    this.#events = new EventComparison(this.#world);
    this.#changes = BEHAVIOUR_CHANGES.filter(
      (change) => hasChange(change, peer.version) !== hasChange(change, target.version),
    );
  }

  async toEnd(): Promise<SeedResult> {
    const started = performance.now();
    const { requests, seed } = this.#options;
    let position = 0;
    try {
      for (; position < requests && this.#differences.length < DIFFERENCES_MAX; position++) {
        await this.#take(this.#generator.next(position, requests), position);
      }
      await this.#flushReads();
      if (this.#differences.length === 0) await this.#finish(position);
    } catch (error) {
      this.#differences.push(`seed ${seed}, step ${position}: ${String(error)}`);
    }
    return {
      seed,
      requests: position,
      differences: this.#differences,
      excused: this.#excused,
      coverage: this.#coverage,
      events: this.#peer.history.length,
      seconds: (performance.now() - started) / 1000,
    };
  }

  /** Reads are collected and done side by side; everything else waits for them and is done alone. */
  async #take(step: Step, position: number): Promise<void> {
    if (step.kind === "call" && step.reads === true) {
      this.#reads.push({ step, position });
      if (this.#reads.length >= READS_MAX) await this.#flushReads();
      return;
    }
    await this.#flushReads();
    if (this.#needsSettling(step)) await this.#settle(position);
    if (isCompaction(step)) await this.#untilCaughtUp();
    if (step.kind === "settle" || this.#isPointless(step)) return;
    if (step.kind === "restart") await this.#restart();
    else await this.#both(step, position);
  }

  async #flushReads(): Promise<void> {
    const reads = this.#reads;
    this.#reads = [];
    await Promise.all(reads.map(({ step, position }) => this.#both(step, position)));
  }

  async #both(step: Step, position: number): Promise<void> {
    let [peer, target] = await this.#perform(step);
    if (this.#dependsOnCompaction(step) && differences(peer, target).length > 0) {
      await sleep(CATCH_UP_MS);
      [peer, target] = await this.#perform(step);
    }
    for (const side of [this.#peer, this.#target]) side.mustBeAlive(describeStep(step));
    this.#count(step, peer);
    this.#compare(step, peer, target, position);
    learn(this.#world, step, peer);
  }

  #perform(step: Step): Promise<[unknown, unknown]> {
    const compacted = this.#world.compactRevision;
    return Promise.all([this.#peer.perform(step, compacted), this.#target.perform(step, compacted)]);
  }

  /** At the compacted revision itself the hash is another one once the compaction has finished in the background. */
  #dependsOnCompaction(step: Step): boolean {
    if (step.kind !== "call" || step.method !== "Maintenance/HashKV") return false;
    return Number(step.request["revision"]) === this.#world.compactRevision;
  }

  /** Events still under way would race with these. */
  #needsSettling(step: Step): boolean {
    return isCompaction(step) || ["settle", "cancel-watch", "progress", "new-stream", "restart"].includes(step.kind);
  }

  /**
   * A compaction cancels a watcher that has not caught up yet, and one without any event gives no sign when it has: give
   * it a few turns of the servers' 100 ms loop.
   */
  async #untilCaughtUp(): Promise<void> {
    const newest = Math.max(0, ...this.#world.watchers.map((watcher) => watcher.catchingUpSinceMs));
    const waitMs = newest + CATCH_UP_MS - performance.now();
    if (waitMs > 0) await sleep(waitMs);
  }

  /** Releases differ in whether a stream answers progress requests when a watcher is in the future or was cancelled. */
  #isPointless(step: Step): boolean {
    if (step.kind !== "progress") return false;
    if (this.#world.streamsWithGoneWatcher.has(step.stream)) return true;
    return this.#world.watchersOf(step.stream).some((watcher) => watcher.startRevision > this.#world.revision);
  }

  async #settle(position: number): Promise<void> {
    const found = await this.#events.settle(this.#peer, this.#target);
    for (const { text, onlyTombstonesAtCompaction } of found) {
      if (onlyTombstonesAtCompaction && this.#changes.some(({ id }) => id === "tombstone-at-compaction")) {
        this.#excuse("tombstone-at-compaction");
      } else this.#differences.push(`seed ${this.#options.seed}, step ${position}: ${text}`);
    }
  }

  async #restart(): Promise<void> {
    this.#world.watchers.splice(0);
    this.#world.streamsWithGoneWatcher.clear();
    await Promise.all([this.#peer, this.#target].map((side) => side.restart(this.#world.revision)));
  }

  async #finish(position: number): Promise<void> {
    await this.#settle(position);
    await this.#expireLease(position);
    await this.#settle(position);
    for (const revision of ["0", String(Math.max(1, this.#world.compactRevision + 1))]) {
      await this.#both({ kind: "call", method: "Maintenance/HashKV", request: { revision } }, position);
    }
    const all = { key: Buffer.from([0]), range_end: Buffer.from([0]) };
    await this.#both({ kind: "call", method: "KV/Range", request: all }, position);
  }

  /** A lease runs out: all of its keys must go in one revision, told to every watcher. */
  async #expireLease(position: number): Promise<void> {
    const call = (method: string, request: Message): Promise<void> =>
      this.#both({ kind: "call", method, request }, position);
    await call("Lease/LeaseGrant", { ID: "555", TTL: "1" });
    for (const name of ["expire/b", "expire/a", "k/00", "expire/c"]) {
      await call("KV/Put", { key: Buffer.from(name), value: Buffer.from("short-lived"), lease: "555" });
    }
    const gone = async (side: Side): Promise<boolean> => {
      const left = await side.perform(
        { kind: "call", method: "KV/Range", request: { key: Buffer.from("expire/a") } },
        0,
      );
      return (left as { response?: Message }).response?.["count"] === "0";
    };
    await Promise.all(
      [this.#peer, this.#target].map((side) =>
        waitUntil(() => gone(side), {
          what: `the end of a lease on ${side.version}`,
          timeoutMs: LEASE_END_MS,
          everyMs: 50,
        }),
      ),
    );
    this.#world.leases.delete("555");
    await call("KV/Range", { key: Buffer.from("expire/"), range_end: Buffer.from("expire0") });
    await call("Lease/LeaseTimeToLive", { ID: "555", keys: true });
  }

  #compare(step: Step, peer: unknown, target: unknown, position: number): void {
    tolerateRemainingTime(step, peer, target);
    let [left, right] = [peer, target];
    let found = differences(left, right);
    const used: string[] = [];
    for (const change of this.#changes) {
      if (found.length === 0) break;
      const peerIsOlder = !hasChange(change, this.#peer.version);
      const adapted = change.asOlder(step, peerIsOlder ? right : left, peerIsOlder ? left : right);
      if (adapted === undefined) continue;
      if (peerIsOlder) right = adapted;
      else left = adapted;
      const remaining = differences(left, right);
      if (remaining.length < found.length) used.push(change.id);
      found = remaining;
    }
    if (found.length === 0) for (const id of used) this.#excuse(id);
    else
      this.#differences.push(
        [`seed ${this.#options.seed}, step ${position}: ${describeStep(step)}`, ...found].join("\n    "),
      );
  }

  #excuse(id: string): void {
    this.#excused.set(id, (this.#excused.get(id) ?? 0) + 1);
  }

  #count(step: Step, outcome: unknown): void {
    const what = step.kind === "call" ? step.method : step.kind;
    const { ok, code, message } = outcome as { ok?: boolean; code?: number; message?: string };
    const status = ok === false ? ` -> ${code} ${message ?? ""}` : "";
    const key = `${what}${status}`.replaceAll(/\d{5,}/g, "N");
    this.#coverage.set(key, (this.#coverage.get(key) ?? 0) + 1);
  }
}

function isCompaction(step: Step): boolean {
  return step.kind === "call" && step.method === "KV/Compact";
}

/** Remaining seconds of a lease may be one or two apart: the servers did not grant it at the same instant. */
function tolerateRemainingTime(step: Step, peer: unknown, target: unknown): void {
  if (step.kind === "sequence") {
    const [peers, targets] = [peer, target] as [readonly unknown[], readonly unknown[]];
    for (const [i, one] of peers.entries()) alignTtl(one, targets[i]);
  } else alignTtl(peer, target);
}

function alignTtl(peer: unknown, target: unknown): void {
  const left = (peer as { response?: Record<string, unknown> })?.response;
  const right = (target as { response?: Record<string, unknown> })?.response;
  if (left?.["grantedTTL"] === undefined || right === undefined) return;
  const [a, b] = [Number(left["TTL"]), Number(right["TTL"])];
  if (Math.abs(a - b) <= 2 && a >= 0 === b >= 0) right["TTL"] = left["TTL"];
}

/** Takes over what the peer's answer says about the state of both servers. */
function learn(world: World, step: Step, outcome: unknown): void {
  if (step.kind === "watch") learnWatcher(world, step.stream, step.request, outcome as readonly Message[]);
  else if (step.kind === "cancel-watch") world.removeWatcher(step.stream, step.watchId);
  else if (step.kind === "new-stream") world.removeStream(step.stream);
  const { ok, response } = (outcome ?? {}) as { ok?: boolean; response?: Message };
  if (ok !== true || step.kind !== "call" || response === undefined) return;
  const header = response["header"] as { revision: string } | null;
  world.revision = Math.max(world.revision, Number(header?.revision ?? 0));
  if (step.method === "KV/Compact") world.compactRevision = Number(step.request["revision"]);
  if (step.method === "Lease/LeaseGrant") world.leases.add(String(step.request["ID"]));
  if (step.method === "Lease/LeaseRevoke") world.leases.delete(String(step.request["ID"]));
}

function learnWatcher(world: World, stream: number, request: Message, answers: readonly Message[]): void {
  const [created, gone] = answers;
  if (gone !== undefined) world.streamsWithGoneWatcher.add(stream);
  if (created === undefined || created["canceled"] === true || gone !== undefined) return;
  const start = Number(request["start_revision"]);
  const filters = request["filters"] as readonly number[];
  const key = request["key"] as Buffer | undefined;
  const range: KeyRange = {
    key: key === undefined || key.length === 0 ? Buffer.from([0]) : key,
    range_end: (request["range_end"] as Buffer | undefined) ?? Buffer.alloc(0),
  };
  world.watchers.push({
    stream,
    watchId: String(created["watch_id"]),
    range,
    startRevision: start > 0 ? start : Number((created["header"] as Message)["revision"]) + 1,
    noPut: filters.includes(0),
    noDelete: filters.includes(1),
    prevKv: request["prev_kv"] === true,
    compactedAtStart: world.compactRevision,
    catchingUpSinceMs: start > 0 && start <= world.revision ? performance.now() : 0,
  });
}
