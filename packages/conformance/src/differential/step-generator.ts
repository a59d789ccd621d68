import type { SeededChoice } from "@quorate/testkit";
import type { Message } from "../etcd-api.ts";
import { badRequests } from "./bad-requests.ts";
import { RequestGenerator } from "./request-generator.ts";
import type { Step } from "./step.ts";
import type { World } from "./world.ts";

/** Streams that watchers are spread over. */
export const WATCH_STREAMS = 3;
const WATCHERS_MAX = 20;
const LEASES_MAX = 24;
/** Lease classes far apart, so that the order by remaining time never depends on a few milliseconds. */
const LEASE_TTLS: readonly string[] = ["600", "6000", "60000", "600000"];

const WEIGHTS = {
  range: 330,
  put: 260,
  delete: 60,
  txn: 140,
  kubernetes: 60,
  lease: 50,
  keepAlive: 10,
  timeToLive: 20,
  leases: 5,
  watch: 10,
  cancelWatch: 5,
  newStream: 1,
  progress: 1,
  compact: 4,
  hashKv: 15,
  maintenance: 4,
} as const;

/** Draws the steps of one seed: the same seed and the same answers give the same steps. */
export class StepGenerator {
  readonly #choice: SeededChoice;
  readonly #world: World;
  readonly #requests: RequestGenerator;
  #bad: Step[] | undefined;
  #nextLease = 1000;

  constructor(choice: SeededChoice, world: World) {
    this.#choice = choice;
    this.#world = world;
    this.#requests = new RequestGenerator(choice, world);
  }

  /** `position` and `total` say how far the run is: bad requests, for one, begin once there is something to spoil. */
  next(position: number, total: number): Step {
    if (position === Math.floor(total / 2)) return { kind: "restart" };
    if (position % 500 === 499) return { kind: "settle" };
    if (position > total / 4 && this.#choice.oneIn(15)) {
      this.#bad ??= [...badRequests(this.#world)];
      const step = this.#bad.shift();
      if (step !== undefined) return step;
    }
    return this.#draw();
  }

  #draw(): Step {
    const kind = this.#choice.weighted(WEIGHTS);
    switch (kind) {
      case "range":
        return { kind: "call", method: "KV/Range", request: this.#requests.range(), reads: true };
      case "put":
        return { kind: "call", method: "KV/Put", request: this.#requests.put() };
      case "delete":
        return { kind: "call", method: "KV/DeleteRange", request: this.#requests.deleteRange() };
      case "txn":
        return { kind: "call", method: "KV/Txn", request: this.#requests.txn() };
      case "kubernetes":
        return { kind: "call", method: "KV/Txn", request: this.#requests.kubernetesTxn() };
      case "compact":
        return { kind: "call", method: "KV/Compact", request: this.#compact() };
      case "hashKv":
        return { kind: "call", method: "Maintenance/HashKV", request: this.#hashKv(), reads: true };
      case "maintenance":
        return this.#maintenance();
      case "lease":
      case "keepAlive":
      case "timeToLive":
      case "leases":
        return this.#lease(kind);
      default:
        return this.#watch(kind);
    }
  }

  #compact(): Message {
    const { revision, compactRevision } = this.#world;
    const oldest = Math.max(1, compactRevision + 1);
    const target = this.#choice.weighted({ recent: 50, any: 30, current: 10, gone: 6, future: 4, zero: 2 });
    const physical = this.#choice.oneIn(2);
    const at = (value: number): Message => ({ revision: String(value), physical });
    switch (target) {
      case "recent":
        return at(Math.max(oldest, revision - this.#choice.below(300)));
      case "any":
        return at(this.#choice.between(oldest, Math.max(oldest, revision)));
      case "current":
        return at(revision);
      case "gone":
        return at(compactRevision - this.#choice.below(3));
      case "future":
        return at(revision + this.#choice.between(1, 3));
      default:
        return at(0);
    }
  }

  #hashKv(): Message {
    return { revision: this.#choice.oneIn(3) ? "0" : this.#requests.readRevision() };
  }

  #maintenance(): Step {
    switch (this.#choice.below(4)) {
      case 0:
        return { kind: "call", method: "Maintenance/Status", request: {}, reads: true };
      case 1:
        return { kind: "call", method: "Cluster/MemberList", request: {}, reads: true };
      case 2:
        return { kind: "call", method: "Maintenance/Alarm", request: { action: 0, alarm: this.#choice.below(3) } };
      default:
        return this.#choice.oneIn(4)
          ? { kind: "call", method: "Maintenance/Defragment", request: {} }
          : { kind: "call", method: "Maintenance/Alarm", request: {} };
    }
  }

  #lease(kind: "lease" | "keepAlive" | "timeToLive" | "leases"): Step {
    if (kind === "leases") return { kind: "call", method: "Lease/LeaseLeases", request: {}, reads: true };
    const known = [...this.#world.leases];
    const id = known.length > 0 && !this.#choice.oneIn(12) ? this.#choice.pick(known) : "31337";
    if (kind === "keepAlive") return { kind: "keep-alive", id };
    if (kind === "timeToLive") {
      const keys = this.#choice.oneIn(2);
      return { kind: "call", method: "Lease/LeaseTimeToLive", request: { ID: id, keys }, reads: true };
    }
    const full = known.length >= LEASES_MAX || (known.length > 4 && this.#choice.oneIn(3));
    if (full) return { kind: "call", method: "Lease/LeaseRevoke", request: { ID: id } };
    if (this.#choice.oneIn(20)) return this.#serverChosenLease();
    return {
      kind: "call",
      method: "Lease/LeaseGrant",
      request: { ID: this.#leaseId(), TTL: this.#choice.pick(LEASE_TTLS) },
    };
  }

  /** An id that the server chooses differs between servers, so such a lease lives for one step only. */
  #serverChosenLease(): Step {
    return {
      kind: "sequence",
      calls: [
        { method: "Lease/LeaseGrant", request: { TTL: "700" } },
        { method: "Lease/LeaseTimeToLive", request: { ID: "$granted" } },
        { method: "Lease/LeaseRevoke", request: { ID: "$granted" } },
      ],
    };
  }

  #leaseId(): string {
    const known = [...this.#world.leases];
    if (known.length > 0 && this.#choice.oneIn(15)) return this.#choice.pick(known);
    switch (this.#choice.weighted({ plain: 6, large: 2, negative: 1 })) {
      case "plain":
        return String(this.#nextLease++);
      case "large":
        return String(0x7000_0000_0000_0000n + BigInt(this.#nextLease++));
      default:
        return String(-this.#nextLease++);
    }
  }

  #watch(kind: "watch" | "cancelWatch" | "newStream" | "progress"): Step {
    const stream = this.#choice.below(WATCH_STREAMS);
    const watchers = this.#world.watchersOf(stream);
    if (kind === "newStream") return { kind: "new-stream", stream };
    if (kind === "progress" && watchers.length > 0) return { kind: "progress", stream };
    if (watchers.length > 0 && (kind === "cancelWatch" || this.#world.watchers.length >= WATCHERS_MAX)) {
      return { kind: "cancel-watch", stream, watchId: this.#choice.pick(watchers).watchId };
    }
    return { kind: "watch", stream, request: this.#watchRequest(watchers.map((watcher) => watcher.watchId)) };
  }

  #watchRequest(idsInUse: readonly string[]): Message {
    const choice = this.#choice;
    const filters = choice.weighted({ none: 6, noPut: 1, noDelete: 1, both: 1 });
    const start = choice.weighted({ now: 4, past: 5, compacted: 1, future: 1 });
    const { revision, compactRevision } = this.#world;
    const oldest = Math.max(1, compactRevision);
    const starts = {
      now: 0,
      past: choice.between(Math.max(oldest, revision - 400), revision),
      compacted: Math.max(1, oldest - choice.below(3)),
      future: revision + choice.between(1, 30),
    };
    const id = choice.weighted({ server: 10, own: 2, used: 1 });
    const used = idsInUse.length > 0 ? choice.pick(idsInUse) : "0";
    return {
      ...(choice.oneIn(30)
        ? { range_end: choice.oneIn(2) ? Buffer.from([0]) : Buffer.alloc(0) }
        : this.#requests.keys.range()),
      start_revision: String(starts[start]),
      filters: { none: [], noPut: [0], noDelete: [1], both: [0, 1] }[filters],
      prev_kv: choice.oneIn(2),
      progress_notify: choice.oneIn(4),
      fragment: choice.oneIn(4),
      watch_id: id === "server" ? "0" : id === "own" ? String(choice.between(100, 120)) : used,
    };
  }
}
