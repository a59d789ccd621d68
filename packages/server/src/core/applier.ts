import { assert, utf8Bytes } from "@quorate/base";
import { type Backend, type Lessor, putCost, type Store, txnCost } from "@quorate/mvcc";
import {
  DecodeError,
  type DeleteRangeRequest,
  decodeAlarmRequest,
  decodeClusterVersionSetRequest,
  decodeCompactionRequest,
  decodeDeleteRangeRequest,
  decodeDowngradeInfoSetRequest,
  decodeLeaseCheckpointRequest,
  decodeLeaseGrantRequest,
  decodeLeaseRevokeRequest,
  decodeLenient,
  decodeLogged,
  decodePutRequest,
  decodeRaftConfChange,
  decodeTxnRequest,
  type ErrorCode,
  type PutRequest,
  type RaftConfChange,
  RaftRequestPeek,
  readAlarmRequest,
  readClusterMemberAttrSetRequest,
  readCompactionRequest,
  readDeleteRangeRequest,
  readLeaseGrantRequest,
  readLeaseRevokeRequest,
  readPutRequest,
  readRequestHeader,
  readTxnRequest,
  type TxnRequest,
} from "@quorate/protocol";
import { type Entry, EntryType } from "@quorate/raft";
import { ALARM_CORRUPT, ALARM_NOSPACE, type Alarms } from "./alarms.ts";
import type { ApplyResult } from "./apply-result.ts";
import { type Auth, type Caller, NOBODY } from "./auth/index.ts";
import { bigEndianNumber } from "./big-endian.ts";
import { isAtLeast } from "./cluster-version.ts";
import type { Counts } from "./counts.ts";
import { decodeLegacyRequest, type LegacyRequest, legacyRequestId } from "./legacy-request.ts";
import type { Membership } from "./membership.ts";
import { countTxn } from "./operation-counts.ts";
import type { Pending, PendingRequests } from "./pending.ts";
import { leaseCostBytes, type Quota } from "./quota.ts";
import { INERT_KINDS, RequestKind } from "./raft-request.ts";

const CONSISTENT_INDEX = utf8Bytes("consistent_index");
const TERM = utf8Bytes("term");
/** Cluster version from which on the remaining time of leases is stored. */
const CHECKPOINTS_PERSIST_SINCE = "3.6.0";
/** Cluster version from which on every member counts what transactions inside transactions put. */
const NESTED_TXNS_COST_SINCE = "3.7.0";
const LOW_48 = 0xffff_ffff_ffffn;
const ACTION_ACTIVATE = 1;
const ACTION_DEACTIVATE = 2;

/** What entries act upon. */
export interface ApplierDeps {
  /** What the IDs of this member's requests begin with. */
  readonly idHigh16: number;
  readonly backend: Backend;
  readonly store: Store;
  readonly lessor: Lessor;
  readonly membership: Membership;
  readonly alarms: Alarms;
  readonly auth: Auth;
  readonly quota: Quota;
  readonly counts: Counts;
  /** Monotonic milliseconds: only the expiry of leases sees it, nothing that is stored. */
  readonly nowMs: () => number;
  /** A write went through although it took the backend over this member's quota. */
  readonly onOverQuota: () => void;
  /** A lease of so many seconds was granted. */
  readonly onLeaseGranted?: (ttlSeconds: number) => void;
  /** The leader of a new term has committed its first entry. */
  readonly onFirstCommitInTerm: () => void;
  /** Puts a change of the configuration into force, in raft and in the membership; or says why it is refused. */
  readonly onConfChange: (change: RaftConfChange) => ErrorCode | undefined;
  /** An applied entry asks for revision compaction; the physical part follows in slices. */
  readonly onCompact: () => void;
}

/**
 * Applies committed entries to the state machine, in the order and with the gates of the peer protocol page, section 13:
 * corrupt alarm, no-space alarm, permissions, then the request. The same entries give the same stored bytes on every member.
 */
export class Applier {
  readonly #deps: ApplierDeps;
  readonly #peek = new RaftRequestPeek();
  #appliedTerm = 0;
  /** On whose behalf the entry at hand is; nobody's where users do not count. */
  #caller: Caller = NOBODY;

  constructor(deps: ApplierDeps) {
    this.#deps = deps;
  }

  /** Term of the last applied entry. */
  get appliedTerm(): number {
    return this.#appliedTerm;
  }

  /** The state is that of a snapshot now, whose last entry is of this term. */
  restored(term: number): void {
    this.#appliedTerm = term;
  }

  /** Applies one entry and answers the request behind it, if it is one of ours. */
  apply(entry: Entry, pending: PendingRequests): void {
    this.#appliedTerm = entry.term;
    if (entry.type !== EntryType.Normal) {
      this.#confChange(entry, pending);
      return;
    }
    if (entry.data.length === 0) {
      this.#deps.onFirstCommitInTerm();
      return;
    }
    const legacy = decodeLegacyRequest(entry.data);
    if (legacy !== undefined) {
      this.#legacyRequest(legacy);
      this.#take(legacyRequestId(entry.data), pending)?.applied({ revision: this.#deps.store.revision });
      return;
    }
    const peek = this.#peek;
    peek.read(entry.data);
    const { field, start, end } = peek;
    // Two members may draw the same low bits; the high ones are this member's own.
    const waiting = peek.idHigh16 === this.#deps.idHigh16 ? pending.take(peek.idLow48) : undefined;
    if (this.#deps.auth.state.isEnabled) this.#caller = callerOf(peek, entry.data);
    const result =
      this.#dispatch(field, entry.data, start, end, waiting?.request) ??
      this.#otherRequest(entry, peek, waiting !== undefined);
    this.#caller = NOBODY;
    this.#deps.counts.applied.add(field, typeof result !== "string");
    waiting?.applied(result);
  }

  /** What members of etcd 3.5 and older say about themselves and the cluster. */
  #legacyRequest(request: LegacyRequest): void {
    const { membership } = this.#deps;
    if (request.kind === "attributes") membership.setAttributes(request.memberId, request.name, request.clientUrls);
    else if (request.kind === "clusterVersion") membership.setClusterVersion(request.version);
  }

  /** etcd knows changes of one member alone; every other kind of entry would end a real member's process. */
  #confChange(entry: Entry, pending: PendingRequests): void {
    assert(entry.type === EntryType.ConfChange, "configuration changes are of one member each", { index: entry.index });
    const change = decodeRaftConfChange(entry.data);
    const refused = this.#deps.onConfChange(change);
    this.#take(change.id, pending)?.applied(refused ?? { revision: this.#deps.store.revision });
  }

  /** The request of this ID, if it is one of ours. */
  #take(id: bigint, pending: PendingRequests): Pending | undefined {
    return Number(id >> 48n) === this.#deps.idHigh16 ? pending.take(Number(id & LOW_48)) : undefined;
  }

  /** Ends a batch of entries, the last of them at `index`: what they wrote becomes one atomic write of the backend. */
  commit(index: number): void {
    const { backend } = this.#deps;
    backend.put("meta", CONSISTENT_INDEX, bigEndianNumber(index));
    backend.put("meta", TERM, bigEndianNumber(this.#appliedTerm));
    backend.commit();
  }

  /** `decoded` is the request in `data[start, end)` where it was proposed here. Undefined for a kind that is not about keys. */
  #dispatch(field: number, data: Uint8Array, start: number, end: number, decoded: unknown): ApplyResult | undefined {
    switch (field) {
      case RequestKind.Put:
        return this.#put((decoded as PutRequest | undefined) ?? loggedPut(data, start, end));
      case RequestKind.DeleteRange:
        return this.#deleteRange(decodeLogged(decodeDeleteRangeRequest, readDeleteRangeRequest, data, start, end));
      case RequestKind.Txn:
        return this.#txn(
          (decoded as TxnRequest | undefined) ?? decodeLogged(decodeTxnRequest, readTxnRequest, data, start, end),
        );
      case RequestKind.Compaction:
        return this.#compact(data, start, end);
      case RequestKind.LeaseGrant:
        return this.#leaseGrant(data, start, end);
      case RequestKind.LeaseRevoke:
        return this.#leaseRevoke(data, start, end);
      case RequestKind.LeaseCheckpoint:
        return this.#leaseCheckpoint(data, start, end);
      case RequestKind.Alarm:
        return this.#alarm(data, start, end);
      default:
        return undefined;
    }
  }

  #put(request: PutRequest): ApplyResult {
    const { alarms, auth, counts, quota, store } = this.#deps;
    if (alarms.isActive(ALARM_CORRUPT)) return "corrupt";
    if (alarms.isActive(ALARM_NOSPACE)) return "noSpace";
    const refused = auth.state.isEnabled ? auth.checks.put(this.#caller, request) : undefined;
    if (refused !== undefined) return refused;
    counts.operations(request.prevKv || request.ignoreValue || request.ignoreLease ? 1 : 0, 1, 0);
    counts.putBytes += request.key.length + request.value.length;
    const fits = quota.admits(putCost(request));
    const result = store.put(request);
    return fits || typeof result === "string" ? result : this.#overQuota();
  }

  #deleteRange(request: DeleteRangeRequest): ApplyResult {
    const { alarms, auth, counts, store } = this.#deps;
    if (alarms.isActive(ALARM_CORRUPT)) return "corrupt";
    const refused = auth.checks.deleteRange(this.#caller, request);
    if (refused !== undefined) return refused;
    counts.operations(request.prevKv ? 1 : 0, 0, 1);
    return store.deleteRange(request);
  }

  #txn(request: TxnRequest): ApplyResult {
    const { alarms, auth, membership, quota, store } = this.#deps;
    if (alarms.isActive(ALARM_CORRUPT)) return "corrupt";
    if (alarms.isActive(ALARM_NOSPACE)) {
      // All members must refuse the same.
      const countsNested = isAtLeast(membership.clusterVersion, NESTED_TXNS_COST_SINCE);
      if (txnCost(request, countsNested) > 0) return "noSpace";
    }
    const refused = auth.state.isEnabled ? auth.checks.txn(this.#caller, request) : undefined;
    if (refused !== undefined) return refused;
    const cost = txnCost(request);
    const fits = quota.admits(cost);
    const result = store.txn(request);
    if (typeof result !== "string") countTxn(this.#deps.counts, request, result);
    return fits || typeof result === "string" ? result : this.#overQuota();
  }

  #compact(data: Uint8Array, start: number, end: number): ApplyResult {
    const { alarms, store } = this.#deps;
    if (alarms.isActive(ALARM_CORRUPT)) return "corrupt";
    const refused = store.compact(
      decodeLogged(decodeCompactionRequest, readCompactionRequest, data, start, end).revision,
    );
    if (refused !== undefined) return refused;
    this.#deps.onCompact();
    return { revision: store.revision };
  }

  #leaseGrant(data: Uint8Array, start: number, end: number): ApplyResult {
    const { alarms, lessor, nowMs, quota } = this.#deps;
    if (alarms.isActive(ALARM_CORRUPT)) return "corrupt";
    if (alarms.isActive(ALARM_NOSPACE)) return "noSpace";
    const request = decodeLogged(decodeLeaseGrantRequest, readLeaseGrantRequest, data, start, end);
    const fits = quota.admits(leaseCostBytes());
    const granted = lessor.grant(request.id, request.ttl, nowMs());
    if (typeof granted === "string") return granted;
    this.#deps.counts.leasesGranted++;
    this.#deps.onLeaseGranted?.(granted);
    return fits ? { id: request.id, ttlSeconds: granted } : this.#overQuota();
  }

  #leaseRevoke(data: Uint8Array, start: number, end: number): ApplyResult {
    const { alarms, auth, lessor, store } = this.#deps;
    if (alarms.isActive(ALARM_CORRUPT)) return "corrupt";
    const { id } = decodeLogged(decodeLeaseRevokeRequest, readLeaseRevokeRequest, data, start, end);
    const refused = auth.checks.leaseWrite(this.#caller, id);
    if (refused !== undefined) return refused;
    const keys = lessor.revoke(id);
    if (typeof keys === "string") return keys;
    this.#deps.counts.leasesRevoked++;
    this.#deps.counts.operations(0, 0, keys.length);
    store.deleteKeys(keys);
    return { revision: store.revision };
  }

  #leaseCheckpoint(data: Uint8Array, start: number, end: number): ApplyResult {
    const { lessor, membership, store } = this.#deps;
    const mustPersist = isAtLeast(membership.clusterVersion, CHECKPOINTS_PERSIST_SINCE);
    for (const checkpoint of decodeLeaseCheckpointRequest(data, start, end).checkpoints) {
      lessor.checkpoint(checkpoint.id, checkpoint.remainingTtl, mustPersist);
    }
    return { revision: store.revision };
  }

  #alarm(data: Uint8Array, start: number, end: number): ApplyResult {
    const { alarms } = this.#deps;
    const request = decodeLogged(decodeAlarmRequest, readAlarmRequest, data, start, end);
    const alarm = { memberId: request.memberId, type: request.alarm };
    if (request.action === ACTION_ACTIVATE) return { alarms: alarms.activate(alarm) };
    if (request.action === ACTION_DEACTIVATE) return { alarms: alarms.deactivate(alarm) };
    return { alarms: alarms.list(request.alarm) };
  }

  /** What is not about keys: users and roles, or the cluster. */
  #otherRequest({ data, index }: Entry, { end, field, start }: RaftRequestPeek, isAwaited: boolean): ApplyResult {
    const { auth, store } = this.#deps;
    const result = auth.applier.apply({ kind: field, data, start, end, index, caller: this.#caller, isAwaited });
    if (result === null) return this.#clusterRequest(field, data, start, end);
    return result ?? { revision: store.revision };
  }

  #clusterRequest(field: number, data: Uint8Array, start: number, end: number): ApplyResult {
    const { membership, store } = this.#deps;
    if (field === RequestKind.ClusterVersionSet) {
      membership.setClusterVersion(decodeClusterVersionSetRequest(data, start, end).ver);
    } else if (field === RequestKind.ClusterMemberAttrSet) {
      const { memberId, memberAttributes } = decodeLenient(readClusterMemberAttrSetRequest, data, start, end);
      membership.setAttributes(memberId, memberAttributes?.name ?? "", memberAttributes?.clientUrls ?? []);
    } else if (field === RequestKind.DowngradeInfoSet) {
      const { enabled, ver } = decodeDowngradeInfoSetRequest(data, start, end);
      membership.setDowngrade(enabled, ver);
    } else if (!INERT_KINDS.has(field)) {
      // A kind this release does not know would make members diverge if it were skipped.
      assert(false, "every replicated request is of a known kind", { field });
    }
    return { revision: store.revision };
  }

  #overQuota(): ErrorCode {
    this.#deps.onOverQuota();
    return "noSpace";
  }
}

/** A put of another member. PERF: of its own, so that the engine compiles it for puts alone. */
function loggedPut(data: Uint8Array, start: number, end: number): PutRequest {
  try {
    return decodePutRequest(data, start, end);
  } catch (error) {
    if (error instanceof DecodeError) return decodeLenient(readPutRequest, data, start, end);
    throw error;
  }
}

/** On whose behalf an entry is. */
function callerOf({ headerEnd, headerStart }: RaftRequestPeek, data: Uint8Array): Caller {
  return headerEnd > headerStart ? decodeLenient(readRequestHeader, data, headerStart, headerEnd) : NOBODY;
}
