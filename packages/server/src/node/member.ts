import { createHash } from "node:crypto";
import type { Logger, Prng } from "@quorate/base";
import { Lessor, Store } from "@quorate/mvcc";
import { createAlarmMember, decodeAlarmMember, encodeAlarmMember, founderEntryData } from "@quorate/protocol";
import { EMPTY_CONF_STATE, MemoryLogStorage, parseConfig, RawNode } from "@quorate/raft";
import { type MemberStorage, NODE_FILE_SYSTEM, openMemberStorage } from "@quorate/storage";
import {
  Alarms,
  Auth,
  bootstrapClusterId,
  type ClusterMember,
  forceNewCluster,
  hexId,
  Membership,
  type Sha1,
  type TokenKeeper,
} from "../core/index.ts";
import { type Bootstrap, type BootstrapDeps, bootstrapMember, foundersOf, withDiscoveredCluster } from "./bootstrap.ts";
import type { ServerConfig } from "./config/index.ts";
import type { PeerClient } from "./peer/index.ts";
import { resolveHost } from "./peer-url-match.ts";
import { SlabFiles } from "./slab-files.ts";

const MIB = 1024 * 1024;
/** Payload of entries that are proposed and not committed; more is refused with "too many requests". */
const UNCOMMITTED_BYTES_MAX = 256 * MIB;
/** Payload applied in one go, so that a long replay leaves the event loop now and then. */
const COMMITTED_BYTES_PER_READY = 4 * MIB;
/** Payload on its way to one member: more would wait in memory for a slow one. */
const INFLIGHT_BYTES_MAX = 4 * MIB;
/** A leader whose write has not ended after so many election timeouts gives up: others have disks that work. */
const DISK_STALL_ELECTION_TIMEOUTS = 2;

export const sha1: Sha1 = (bytes) => createHash("sha1").update(bytes).digest();

/** A member as opened from its directory: everything but the loop that drives it. */
export interface Member {
  readonly storage: MemberStorage;
  readonly store: Store;
  readonly lessor: Lessor;
  readonly membership: Membership;
  readonly alarms: Alarms;
  readonly auth: Auth;
  readonly raft: RawNode;
  readonly raftLog: MemoryLogStorage;
  /** Old parts of `raftLog` that members which are behind may need. */
  readonly slabs: SlabFiles;
  /** Index of the last entry whose effects the store holds. */
  readonly appliedIndex: number;
  /** Members to talk to before the log has told who they are. */
  readonly initialPeers: readonly ClusterMember[];
}

export interface MemberDeps {
  readonly logger: Logger;
  readonly prng: Prng;
  readonly onSync: (durationMs: number, bytes: number, writeMs: number) => void;
  readonly fatal: (error: Error) => void;
  /** Asks members that run already. */
  readonly peerClient: PeerClient;
  /** Told of tokens. */
  readonly tokens: TokenKeeper;
  readonly hashPassword: (password: string) => Uint8Array;
}

/**
 * Opens the data directory; where there is none, founds a cluster or joins one. Rejects with a StorageError, or in etcd's words, that
 * says what is wrong.
 */
export async function openMember(config: ServerConfig, deps: MemberDeps): Promise<Member> {
  const bootstrapDeps: BootstrapDeps = { client: deps.peerClient, resolveHost };
  let bootstrap: Bootstrap | undefined;
  const storage = await openMemberStorage({
    dataDirectory: config.dataDir,
    walDirectory: config.walDir,
    fs: NODE_FILE_SYSTEM,
    logger: deps.logger,
    clock: { nowMs: () => performance.now(), wallMs: () => Date.now() },
    wal: { onSync: deps.onSync },
    rebuildEngine: "ifDamaged",
    newIdentity: async () => {
      bootstrap = await bootstrapMember(config, bootstrapDeps);
      return bootstrap.identity;
    },
    fatal: deps.fatal,
  });
  try {
    bootstrap ??= await resumedBootstrap(config, storage, bootstrapDeps);
    return await restoreMember(config, deps, storage, bootstrap);
  } catch (error) {
    await storage.close();
    throw error;
  }
}

/** Where the first start ended before its first entry was durable, it begins again, as the member that it has become. */
async function resumedBootstrap(
  config: ServerConfig,
  storage: MemberStorage,
  deps: BootstrapDeps,
): Promise<Bootstrap | undefined> {
  const { identity } = storage;
  if (!isBlank(storage)) return undefined;
  const known = await withDiscoveredCluster(config, deps);
  const founders = foundersOf(known);
  const clusterId = bootstrapClusterId(
    founders.map(({ id }) => id),
    sha1,
  );
  if (clusterId === identity.clusterId && founders.some(({ id }) => id === identity.memberId)) {
    return { identity, founders, peers: founders.filter(({ id }) => id !== identity.memberId) };
  }
  const again = await bootstrapMember({ ...known, discoverySrv: undefined, initialClusterState: "existing" }, deps);
  if (again.identity.memberId === identity.memberId) return again;
  throw new Error(
    `the data directory is of member ${hexId(identity.memberId)}, and the cluster takes this one for another`,
  );
}

/**
 * Whether nothing this member ever wrote was durable as a whole. Entries may be left of a torn first write, without the hard state
 * that ends it: nobody was told of them.
 */
function isBlank({ barrier, contents }: MemberStorage): boolean {
  return barrier === undefined && contents.hardState.term === 0;
}

async function restoreMember(
  config: ServerConfig,
  deps: MemberDeps,
  storage: MemberStorage,
  bootstrap: Bootstrap | undefined,
): Promise<Member> {
  const { backend } = storage;
  const electionTicks = Math.floor(config.electionTimeoutMs / config.heartbeatIntervalMs);
  // Source: gRPC API page, section 7.2.
  const minTtlSeconds = Math.ceil((Math.floor((3 * electionTicks) / 2) * config.heartbeatIntervalMs) / 1000);
  const lessor = new Lessor({ minTtlSeconds }, { backend });
  const store = new Store(backend, { leases: lessor, onFailure: deps.fatal });
  await new Promise<void>((resolve, reject) => {
    store.restore((error) => (error === undefined ? resolve() : reject(error)));
  });
  const { raft, raftLog, slabs, appliedIndex } = await restoreRaft(config, deps, storage, bootstrap?.founders ?? []);
  return {
    storage,
    store,
    lessor,
    membership: new Membership(backend, { maxLearners: config.maxLearners }),
    alarms: new Alarms(backend, {
      encode: (alarm) => encodeAlarmMember(createAlarmMember({ memberId: alarm.memberId, alarm: alarm.type })),
      decode: (bytes) => {
        const { memberId, alarm } = decodeAlarmMember(bytes);
        return { memberId, type: alarm };
      },
    }),
    auth: new Auth({ backend, lessor, logger: deps.logger, tokens: deps.tokens, hashPassword: deps.hashPassword }),
    raft,
    raftLog,
    slabs,
    appliedIndex,
    initialPeers: bootstrap?.peers ?? [],
  };
}

async function restoreRaft(
  config: ServerConfig,
  deps: MemberDeps,
  storage: MemberStorage,
  founders: readonly ClusterMember[],
): Promise<Pick<Member, "raft" | "raftLog" | "slabs" | "appliedIndex">> {
  const { barrier, contents } = storage;
  const slabs = new SlabFiles(NODE_FILE_SYSTEM, `${storage.snapDirectory}/tmp-log`);
  const raftLog = new MemoryLogStorage({ slabStore: slabs });
  const appliedIndex = barrier?.index ?? 0;
  if (barrier !== undefined) {
    const confState = barrier.confState ?? EMPTY_CONF_STATE;
    raftLog.applySnapshot({ index: barrier.index, term: barrier.term, confState, data: new Uint8Array(0) });
  }
  if (config.forceNewCluster && !storage.isNew) await forceLoneMember(config, deps, storage, raftLog);
  else if (!isBlank(storage)) {
    raftLog.append(contents.entries);
    raftLog.setHardState(contents.hardState);
  }
  const parsed = parseConfig({
    id: storage.identity.memberId,
    electionTicks: Math.floor(config.electionTimeoutMs / config.heartbeatIntervalMs),
    applied: appliedIndex,
    maxCommittedSizePerReady: COMMITTED_BYTES_PER_READY,
    maxUncommittedSize: UNCOMMITTED_BYTES_MAX,
    maxInflightBytes: INFLIGHT_BYTES_MAX,
    checkQuorum: true,
    preVote: config.preVote,
    persistTimeoutTicks: Math.ceil(
      (DISK_STALL_ELECTION_TIMEOUTS * config.electionTimeoutMs) / config.heartbeatIntervalMs,
    ),
  });
  if (!parsed.ok) throw new Error(parsed.errors.join("; "));
  const raft = new RawNode(parsed.config, { storage: raftLog, prng: deps.prng });
  if (founders.length > 0)
    raft.bootstrap(founders.map((founder) => ({ id: founder.id, data: founderEntryData(founder) })));
  return { raft, raftLog, slabs, appliedIndex };
}

/** For `--force-new-cluster`: fills `raftLog` with what is committed and the changes that leave this member alone, durably. */
async function forceLoneMember(
  config: ServerConfig,
  deps: MemberDeps,
  storage: MemberStorage,
  raftLog: MemoryLogStorage,
): Promise<void> {
  const { barrier, contents, identity } = storage;
  const { appended, hardState, kept } = forceNewCluster({
    self: {
      id: identity.memberId,
      name: config.name,
      peerUrls: config.initialAdvertisePeerUrls.map(({ text }) => text),
      clientUrls: [],
      isLearner: false,
    },
    confState: barrier?.confState ?? EMPTY_CONF_STATE,
    entries: contents.entries,
    hardState: contents.hardState,
  });
  deps.logger.warn("forcing a new cluster of this member alone", {
    "entries-dropped": contents.entries.length - kept.length,
    "members-removed": appended.length,
  });
  await new Promise<void>((resolve, reject) => {
    storage.log.append(appended, hardState, true, (error) => (error === undefined ? resolve() : reject(error)));
  });
  raftLog.append(kept);
  raftLog.append(appended);
  raftLog.setHardState(hardState);
}
