import type { Lessor, Store, WatchHub } from "@quorate/mvcc";
import type { HeaderBytes, Writer } from "@quorate/protocol";
import type { LevelBackend } from "@quorate/storage";
import type { Alarms, Auth, Counts, Membership, Quota, Replica, RequestIds } from "../../core/index.ts";
import type { PasswordHasher } from "../auth/password-hasher.ts";
import type { TokenProvider } from "../auth/token-provider.ts";
import type { Hashes } from "../hashes.ts";
import type { LeaseRequests } from "../lease-requests.ts";
import type { SampledDurations, WatchSendTimes } from "../metrics/index.ts";
import type { Access } from "./access.ts";

/** Limits of the client API, from the configuration. */
export interface ApiLimits {
  /** Largest encoded request that is proposed, in bytes. */
  readonly maxRequestBytes: number;
  /** Most compares or operations of a transaction. */
  readonly maxTxnOps: number;
}

/** What every service works on. One per server; the services hold no state machine of their own. */
export interface NodeContext {
  readonly replica: Replica;
  readonly store: Store;
  readonly lessor: Lessor;
  readonly watchHub: WatchHub;
  readonly membership: Membership;
  readonly alarms: Alarms;
  readonly auth: Auth;
  /** What calls may do. */
  readonly access: Access;
  readonly tokens: TokenProvider;
  readonly passwords: PasswordHasher;
  readonly quota: Quota;
  readonly counts: Counts;
  readonly rangeTimes: SampledDurations;
  readonly watchTimes: WatchSendTimes;
  readonly backend: LevelBackend;
  readonly hashes: Hashes;
  readonly requestIds: RequestIds;
  readonly header: HeaderBytes;
  readonly limits: ApiLimits;
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Scratch for encoding an answer; whoever uses it resets it first and is done before returning. */
  readonly writer: Writer;
  /** Asks, through the log, for this member's NOSPACE alarm; does nothing when it is active or asked for already. */
  readonly raiseNoSpace: () => void;
  readonly leaseRequests: LeaseRequests;
  /** Whether this member may not vote yet. */
  readonly isLearner: () => boolean;
  /** Runs a callback: at once, or, while a snapshot replaces the state machine, as soon as it may be looked at again. */
  readonly whenServing: (run: () => void) => void;
  /** Calls back once physical revision compaction has nothing left to do. */
  readonly whenCompacted: (done: () => void) => void;
}
