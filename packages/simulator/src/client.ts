import { bytesFromLatin1, latin1FromBytes, type Prng } from "@quorate/base";
import type { Change } from "@quorate/mvcc";
import {
  CompareTarget,
  createCompare,
  createDeleteRangeRequest,
  createPutRequest,
  createRangeRequest,
  createRequestOp,
  createTxnRequest,
  type DeleteRangeResult,
  encodeCompactionRequest,
  encodeDeleteRangeRequest,
  encodeLeaseGrantRequest,
  encodeLeaseRevokeRequest,
  encodePutRequest,
  encodeTxnRequest,
  KeyValuePeek,
  type PutResult,
  type TxnResult,
} from "@quorate/protocol";
import { type ApplyResult, RequestKind } from "@quorate/server/core";
import type { History, Text } from "./history.ts";
import type { Member } from "./member.ts";
import type { Process } from "./process.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Trace } from "./trace.ts";

/** A client gives up on an answer after this time; the request may still take effect. */
const PATIENCE_US = 150_000;
/** Between a client and a member, one way. */
const TRAVEL_SPREAD_US = 800;
/** Keys that the clients share. */
const KEY_COUNT = 6;

export interface ClientDeps {
  readonly scheduler: Scheduler;
  readonly prng: Prng;
  readonly history: History;
  readonly trace: Trace;
  /** Members a client may talk to. */
  readonly members: () => readonly Member[];
  readonly thinkMs: number;
  /** A write was acknowledged by this member. */
  readonly onAcknowledged: (member: Member) => void;
}

/** A request under way. */
interface Call {
  readonly number: number;
  /** What had been told to anybody when it began. */
  readonly floor: number;
  readonly member: Member;
}

type Operation = (client: Client, call: Call, process: Process) => void;

/** How often a client does what. */
const OPERATIONS: readonly (readonly [number, Operation])[] = [
  [40, (client, call, process) => client.put(call, process, 0n)],
  [36, (client, call, process) => client.get(call, process)],
  [8, (client, call, process) => client.putIfUnchanged(call, process)],
  [4, (client, call, process) => client.remove(call, process)],
  [3, (client, call, process) => client.grant(call, process)],
  [3, (client, call, process) => client.put(call, process, client.lease)],
  [2, (client, call, process) => client.revoke(call, process)],
  [4, (client, call, process) => client.compact(call, process)],
];

const peek = new KeyValuePeek();

/** A stored key-value's key and value as text. */
export function textOf(change: Change): Text {
  return { key: change.key, value: change.tombstone ? undefined : valueOf(change.kv) };
}

/** The value in an encoded KeyValue, as latin1 text. */
export function valueOf(kv: Uint8Array | undefined): string | undefined {
  if (kv === undefined) return undefined;
  peek.read(kv);
  return latin1FromBytes(kv, peek.valueStart, peek.valueEnd);
}

/** What `process` holds at `key` now, and at which revision it holds it. */
export function readNow(process: Process, key: string): { value: string | undefined; revision: number } {
  const result = process.store.range(createRangeRequest({ key: bytesFromLatin1(key) }));
  if (typeof result === "string") throw new Error(`a read of the current revision failed: ${result}`);
  return { value: valueOf(result.kvs[0]), revision: result.revision };
}

/** One request after the other, each to some member, each with a value that no other request writes. */
export class Client {
  readonly #id: number;
  readonly #deps: ClientDeps;
  #calls = 0;
  #current: Call | undefined;
  #target: Member | undefined;
  #stopped = false;
  lease = 0n;

  constructor(id: number, deps: ClientDeps) {
    this.#id = id;
    this.#deps = deps;
    this.#think();
  }

  /** No more requests. */
  stop(): void {
    this.#stopped = true;
  }

  put(call: Call, process: Process, lease: bigint): void {
    const key = this.#key();
    const value = this.#value(call);
    const request = createPutRequest({ key: bytesFromLatin1(key), value: bytesFromLatin1(value), lease });
    this.#propose(call, process, RequestKind.Put, encodePutRequest(request), (result) => {
      this.#deps.history.writeAcknowledged(key, value, (result as PutResult).revision, call.floor);
    });
  }

  get(call: Call, process: Process): void {
    const key = this.#key();
    process.linearizableRead(
      () => {
        const { value, revision } = readNow(process, key);
        this.#answer(call, () => this.#deps.history.readAnswered(key, value, revision, call.floor));
      },
      () => this.#answer(call, undefined),
    );
  }

  /** Puts if the key is as it is on this member, which may be behind. */
  putIfUnchanged(call: Call, process: Process): void {
    const key = this.#key();
    const value = this.#value(call);
    const seen = readNow(process, key).value;
    const target = seen === undefined ? CompareTarget.VERSION : CompareTarget.VALUE;
    const bytes = bytesFromLatin1(key);
    const compare = createCompare({
      target,
      key: bytes,
      ...(seen === undefined ? { version: 0 } : { value: bytesFromLatin1(seen) }),
    });
    const put = createRequestOp({ requestPut: createPutRequest({ key: bytes, value: bytesFromLatin1(value) }) });
    const request = createTxnRequest({ compare: [compare], success: [put] });
    this.#propose(call, process, RequestKind.Txn, encodeTxnRequest(request), (result) => {
      const { revision, succeeded } = result as TxnResult;
      if (succeeded) this.#deps.history.writeAcknowledged(key, value, revision, call.floor);
    });
  }

  remove(call: Call, process: Process): void {
    const key = this.#key();
    const request = encodeDeleteRangeRequest(createDeleteRangeRequest({ key: bytesFromLatin1(key) }));
    this.#propose(call, process, RequestKind.DeleteRange, request, (result) => {
      const { deleted, revision } = result as DeleteRangeResult;
      if (deleted > 0) this.#deps.history.writeAcknowledged(key, undefined, revision, call.floor);
    });
  }

  grant(call: Call, process: Process): void {
    const id = BigInt(this.#id * 1_000_000 + call.number);
    const ttl = 1 + this.#deps.prng.below(3);
    this.#propose(call, process, RequestKind.LeaseGrant, encodeLeaseGrantRequest({ id, ttl }), () => {
      this.lease = id;
    });
  }

  revoke(call: Call, process: Process): void {
    const request = encodeLeaseRevokeRequest({ id: this.lease });
    this.lease = 0n;
    this.#propose(call, process, RequestKind.LeaseRevoke, request, () => {});
  }

  compact(call: Call, process: Process): void {
    const revision = Math.max(1, process.store.revision - this.#deps.prng.below(20));
    const request = encodeCompactionRequest({ revision, physical: false });
    this.#propose(call, process, RequestKind.Compaction, request, () => {});
  }

  /** `acknowledged` checks the result of a request that was carried out, once the client has it. */
  #propose(
    call: Call,
    process: Process,
    kind: number,
    request: Uint8Array,
    acknowledged: (result: ApplyResult) => void,
  ): void {
    const refused = process.propose(kind, request, {
      applied: (result) => {
        if (typeof result === "string") this.#answer(call, undefined);
        else {
          this.#deps.onAcknowledged(call.member);
          this.#answer(call, () => acknowledged(result));
        }
      },
      failed: () => this.#answer(call, undefined),
    });
    if (refused !== undefined) this.#answer(call, undefined);
  }

  #think(): void {
    const { prng, scheduler, thinkMs } = this.#deps;
    scheduler.after(prng.below(2000 * thinkMs), () => this.#begin());
  }

  #begin(): void {
    if (this.#stopped) return;
    const { history, prng, scheduler } = this.#deps;
    const members = this.#deps.members();
    if (this.#target === undefined || !members.includes(this.#target) || prng.below(8) === 0) {
      this.#target = members[prng.below(members.length)] as Member;
    }
    const member = this.#target;
    const call: Call = { number: ++this.#calls, floor: history.floor, member };
    this.#current = call;
    const operation = draw(prng);
    scheduler.after(prng.below(TRAVEL_SPREAD_US), () =>
      member.enter((process) => {
        if (process.replica.isInstalling) this.#answer(call, undefined);
        else operation(this, call, process);
      }),
    );
    scheduler.after(PATIENCE_US, () => this.#end(call, undefined));
  }

  #answer(call: Call, check: (() => void) | undefined): void {
    const { prng, scheduler } = this.#deps;
    scheduler.after(prng.below(TRAVEL_SPREAD_US), () => this.#end(call, check));
  }

  #end(call: Call, check: (() => void) | undefined): void {
    if (this.#current !== call) return;
    this.#current = undefined;
    const { history, trace } = this.#deps;
    check?.();
    trace.record(check === undefined ? "unanswered" : "answered", this.#id, call.number, history.floor);
    if (check === undefined) this.#target = undefined;
    this.#think();
  }

  #key(): string {
    return `k${this.#deps.prng.below(KEY_COUNT)}`;
  }

  #value(call: Call): string {
    return `c${this.#id}.${call.number}`;
  }
}

function draw(prng: Prng): Operation {
  let dice = prng.below(OPERATIONS.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, operation] of OPERATIONS) {
    dice -= weight;
    if (dice < 0) return operation;
  }
  throw new Error("the weights do not add up");
}
