import { type SeededChoice, waitUntil } from "@quorate/testkit";
import { KeepAliveSession } from "../differential/keep-alive-session.ts";
import { type KeyRange, KeySpace } from "../differential/key-space.ts";
import { describeStep, type Step } from "../differential/step.ts";
import { StepGenerator } from "../differential/step-generator.ts";
import { World } from "../differential/world.ts";
import type { Message, Outcome } from "../etcd-api.ts";
import type { MemberClients } from "./member-clients.ts";
import { versionSafe } from "./version-safe.ts";

const LANES = 8;
const DRAWS_MAX = 100;
const DEADLINE_MS = 15_000;
const MEMBER_TIMEOUT_MS = 60_000;
const LEASE_TTL_SHORT = "3";

/** Answers that a valid or invalid request may get at any time: the codes of etcd's own refusals. */
const REFUSALS: ReadonlySet<number> = new Set([3, 5, 6, 8, 9, 11]);
/** What a client may see while a member or the leader goes away. */
const DISTURBED: ReadonlySet<number> = new Set([1, 4, 14]);
/**
 * What etcd answers with code UNKNOWN while leaders change: a write that meets a leader which is handing over, and calls
 * whose errors old releases do not map to a code of their own.
 */
const LEADER_LOST = /^(raft proposal dropped|etcdserver: (request timed out|leader changed|no leader|not leader))/;
/** grpc-js's words for a connection that ended under a call. */
const CONNECTION_LOST = /RST_STREAM|ECONNRESET|Connection dropped|Call ended without/i;

export interface LaneReport {
  readonly sent: number;
  readonly acknowledged: number;
  readonly refused: number;
  /** Requests that got no answer because a member or the leader went away. */
  readonly unanswered: number;
}

/**
 * Sends random requests over all members that are open, several at a time, each to a member drawn for it, and checks of
 * every answer: it is one that etcd gives, and what a client has been told before is not untold: a write, or a
 * linearizable read, never answers with an older revision than one that was known before it was sent, on any member.
 */
export class RequestLanes {
  readonly #clients: MemberClients;
  readonly #choice: SeededChoice;
  readonly #world = new World();
  readonly #generator: StepGenerator;
  readonly #keys: KeySpace;
  readonly #total: number;
  readonly #open = new Set<number>();
  readonly #keepAlives = new Map<number, KeepAliveSession>();
  readonly coverage: Map<string, number> = new Map();
  readonly failures: string[] = [];
  /** Whether every member knows users and roles; such a request would end a member that does not. */
  auth: boolean = false;
  /** No compaction goes beyond this revision, so that every watch can be taken up again. */
  compactUpTo: number = 0;
  #position = 0;
  #acknowledged = 0;
  #refused = 0;
  #unanswered = 0;

  constructor(clients: MemberClients, choice: SeededChoice, total: number) {
    this.#clients = clients;
    this.#choice = choice;
    this.#total = total;
    this.#keys = new KeySpace(choice);
    this.#generator = new StepGenerator(choice, this.#world);
  }

  get report(): LaneReport {
    return {
      sent: this.#position,
      acknowledged: this.#acknowledged,
      refused: this.#refused,
      unanswered: this.#unanswered,
    };
  }

  /** The newest revision that any answer told. */
  get revision(): number {
    return this.#world.revision;
  }

  /** Requests go to this member from now on. */
  openMember(index: number): void {
    this.#open.add(index);
  }

  /** No further request goes to this member. */
  closeMember(index: number): void {
    this.#open.delete(index);
    this.#keepAlives.get(index)?.close();
    this.#keepAlives.delete(index);
  }

  /** Sends the next `count` requests and waits for their answers. */
  async run(count: number): Promise<void> {
    const end = Math.min(this.#position + count, this.#total);
    await Promise.all(Array.from({ length: LANES }, () => this.#lane(end)));
  }

  close(): void {
    for (const session of this.#keepAlives.values()) session.close();
    this.#keepAlives.clear();
  }

  async #lane(end: number): Promise<void> {
    while (this.#position < end) {
      const step = this.#draw(this.#position++);
      await waitUntil(() => this.#open.size > 0, { what: "an open member", timeoutMs: MEMBER_TIMEOUT_MS });
      const member = this.#choice.pick([...this.#open].sort((a, b) => a - b));
      const known = this.#world.revision;
      this.#check(step, member, known, await this.#perform(step, member));
    }
  }

  #draw(position: number): Step {
    for (let draws = 0; draws < DRAWS_MAX; draws++) {
      if (this.#choice.oneIn(300)) return this.#compaction();
      if (this.#choice.oneIn(150)) return this.#shortLease();
      if (this.auth && this.#choice.oneIn(80)) return this.#authStep();
      const step = versionSafe(this.#generator.next(position + draws, this.#total));
      if (step !== undefined) return step;
    }
    throw new Error(`${DRAWS_MAX} draws without a request`);
  }

  #compaction(): Step {
    const { compactRevision } = this.#world;
    const revision = this.#choice.between(Math.min(compactRevision + 1, this.compactUpTo), this.compactUpTo);
    const request = { revision: String(Math.max(1, revision)), physical: this.#choice.oneIn(2) };
    return { kind: "call", method: "KV/Compact", request };
  }

  /** A lease that runs out by itself, whoever leads by then, and takes its key with it. */
  #shortLease(): Step {
    const ID = String(900_000 + this.#position);
    const put = { key: Buffer.from(`short/${this.#choice.below(20)}`), value: Buffer.from("short-lived"), lease: ID };
    return {
      kind: "sequence",
      calls: [
        { method: "Lease/LeaseGrant", request: { ID, TTL: LEASE_TTL_SHORT } },
        { method: "KV/Put", request: put },
      ],
    };
  }

  /** Users and roles while authentication is off: replicated like all else. No passwords: how they travel changed with 3.5. */
  #authStep(): Step {
    const name = `user${this.#choice.below(6)}`;
    const role = `role${this.#choice.below(6)}`;
    const perm = { permType: this.#choice.below(3), ...this.#permittedRange() };
    const requests: Readonly<Record<string, Message>> = {
      UserAdd: { name, options: { no_password: true } },
      UserDelete: { name },
      UserGrantRole: { user: name, role },
      UserRevokeRole: { name, role },
      UserGet: { name },
      UserList: {},
      RoleAdd: { name: role },
      RoleDelete: { role },
      RoleGet: { role },
      RoleGrantPermission: { name: role, perm },
      RoleRevokePermission: { role, key: perm.key, range_end: perm.range_end },
    };
    const method = this.#choice.pick(Object.keys(requests));
    return { kind: "call", method: `Auth/${method}`, request: requests[method] ?? {} };
  }

  /** A range that is not inverted: 3.4 grants those that are, later releases refuse them when the request is applied. */
  #permittedRange(): KeyRange {
    const range = this.#keys.range();
    const open = range.range_end.length === 0 || (range.range_end.length === 1 && range.range_end[0] === 0);
    return open || Buffer.compare(range.key, range.range_end) < 0 ? range : { ...range, range_end: Buffer.alloc(0) };
  }

  async #perform(step: Step, member: number): Promise<readonly Outcome[]> {
    const api = this.#clients.api(member);
    switch (step.kind) {
      case "call":
        return [await api.call(step.method, step.request, DEADLINE_MS)];
      case "raw":
        return [await api.raw(step.path, step.bytes)];
      case "keep-alive":
        return [await this.#keepAlive(member, step.id)];
      case "sequence":
        return await this.#sequence(step.calls, member);
      default:
        throw new Error(`no such request: ${step.kind}`);
    }
  }

  async #sequence(calls: readonly { method: string; request: Message }[], member: number): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    let granted = "0";
    for (const { method, request } of calls) {
      const withId = request["ID"] === "$granted" ? { ...request, ID: granted } : request;
      const outcome = await this.#clients.api(member).call(method, withId, DEADLINE_MS);
      outcomes.push(outcome);
      if (!outcome.ok && DISTURBED.has(outcome.code)) break;
      if (outcome.ok && method === "Lease/LeaseGrant") granted = String(outcome.response["ID"]);
    }
    return outcomes;
  }

  /** One stream a member, renewed after each failure; a renewal in flight keeps others off the stream. */
  async #keepAlive(member: number, id: string): Promise<Outcome> {
    const session = this.#keepAlives.get(member) ?? new KeepAliveSession(this.#clients.api(member));
    this.#keepAlives.delete(member);
    try {
      const response = await session.renew(id);
      if (this.#keepAlives.has(member) || !this.#open.has(member)) session.close();
      else this.#keepAlives.set(member, session);
      return { ok: true, response };
    } catch (error) {
      session.close();
      return { ok: false, code: 14, message: String(error) };
    }
  }

  #check(step: Step, member: number, known: number, outcomes: readonly Outcome[]): void {
    for (const outcome of outcomes) this.#count(step, outcome);
    const fail = (what: string): void => {
      this.failures.push(`request ${this.#position} to member ${member}: ${what}: ${describeStep(step)}`);
    };
    for (const outcome of outcomes) {
      if (outcome.ok) {
        this.#acknowledged += 1;
        this.#learn(step, outcome.response);
        const told = Number((outcome.response["header"] as Message | undefined)?.["revision"] ?? 0);
        if (mustBeCurrent(step) && told < known) fail(`answered revision ${told} although ${known} was known`);
      } else if (isDisturbance(outcome)) this.#unanswered += 1;
      else if (REFUSALS.has(outcome.code) || step.kind === "raw" || step.kind === "sequence") this.#refused += 1;
      else fail(`code ${outcome.code}: ${outcome.message}`);
    }
  }

  #learn(step: Step, response: Message): void {
    const world = this.#world;
    const revision = Number((response["header"] as Message | undefined)?.["revision"] ?? 0);
    world.revision = Math.max(world.revision, revision);
    if (step.kind !== "call") return;
    const id = String(step.request["ID"]);
    if (step.method === "KV/Compact")
      world.compactRevision = Math.max(world.compactRevision, Number(step.request["revision"]));
    if (step.method === "Lease/LeaseGrant") world.leases.add(id);
    if (step.method === "Lease/LeaseRevoke") world.leases.delete(id);
  }

  #count(step: Step, outcome: Outcome): void {
    const what = step.kind === "call" ? step.method : step.kind;
    const status = outcome.ok ? "" : ` -> ${outcome.code} ${outcome.message}`;
    const key = `${what}${status}`.replaceAll(/\d{4,}/g, "N");
    this.coverage.set(key, (this.coverage.get(key) ?? 0) + 1);
  }
}

function isDisturbance(outcome: Outcome & { ok: false }): boolean {
  if (DISTURBED.has(outcome.code)) return true;
  return LEADER_LOST.test(outcome.message) || CONNECTION_LOST.test(outcome.message);
}

/** Whether the answer must tell of everything that any client knew before the request. */
function mustBeCurrent(step: Step): boolean {
  if (step.kind !== "call") return false;
  if (step.method === "KV/Put" || step.method === "KV/DeleteRange") return true;
  return step.method === "KV/Range" && step.request["serializable"] !== true;
}
