import { createHash } from "node:crypto";
import type { Logger, Prng } from "@quorate/base";
import { must } from "@quorate/base";
import { Lessor, Store } from "@quorate/mvcc";
import {
  createAlarmMember,
  createRaftConfChange,
  decodeAlarmMember,
  encodeAlarmMember,
  encodeRaftConfChange,
} from "@quorate/protocol";
import { ConfChangeType, EMPTY_CONF_STATE, MemoryLogStorage, parseConfig, RawNode } from "@quorate/raft";
import { type MemberIdentity, type MemberStorage, NODE_FILE_SYSTEM, openMemberStorage } from "@quorate/storage";
import {
  Alarms,
  bootstrapClusterId,
  bootstrapMemberId,
  type ClusterMember,
  Membership,
  memberJson,
  type Sha1,
} from "../core/index.ts";
import { bootstrapProblems, type InitialMember, type ServerConfig } from "./config/index.ts";

const MIB = 1024 * 1024;
/** Payload of entries that are proposed and not committed; more is refused with "too many requests". */
const UNCOMMITTED_BYTES_MAX = 256 * MIB;
/** Payload applied in one go, so that a long replay leaves the event loop now and then. */
const COMMITTED_BYTES_PER_READY = 4 * MIB;

export const sha1: Sha1 = (bytes) => createHash("sha1").update(bytes).digest();

/** A member as opened from its directory: everything but the loop that drives it. */
export interface Member {
  readonly storage: MemberStorage;
  readonly store: Store;
  readonly lessor: Lessor;
  readonly membership: Membership;
  readonly alarms: Alarms;
  readonly raft: RawNode;
  readonly raftLog: MemoryLogStorage;
  /** Index of the last entry whose effects the store holds. */
  readonly appliedIndex: number;
  /** Members to talk to before the log has told who they are. */
  readonly initialPeers: readonly ClusterMember[];
}

export interface MemberDeps {
  readonly logger: Logger;
  readonly prng: Prng;
  readonly onSync: (durationMs: number, bytes: number) => void;
  readonly fatal: (error: Error) => void;
}

/** Opens the data directory, or founds a cluster of one in it. Rejects with a StorageError that says what is wrong. */
export async function openMember(config: ServerConfig, deps: MemberDeps): Promise<Member> {
  const founders = config.initialCluster.map((initial) => founder(initial, config.initialClusterToken));
  const storage = await openMemberStorage({
    dataDirectory: config.dataDir,
    walDirectory: config.walDir,
    fs: NODE_FILE_SYSTEM,
    logger: deps.logger,
    clock: { nowMs: () => performance.now(), wallMs: () => Date.now() },
    // Waiting for the disk on the spot is faster for one client alone, but a disk that hangs would stop heartbeats.
    wal: { onSync: deps.onSync, ...(config.initialCluster.length > 1 ? { inlineSyncBytesMax: 0 } : {}) },
    rebuildEngine: "ifDamaged",
    newIdentity: () => newIdentity(config, founders),
    fatal: deps.fatal,
  });
  try {
    return await restoreMember(config, deps, storage, founders);
  } catch (error) {
    await storage.close();
    throw error;
  }
}

/** Who a member without data is. Throws with what keeps it from founding its cluster. */
function newIdentity(config: ServerConfig, founders: readonly ClusterMember[]): MemberIdentity {
  const problems = [...bootstrapProblems(config)];
  if (problems.length > 0) throw new Error(problems.join("; "));
  const self = must(
    founders.find((member) => member.name === config.name),
    "a configuration without problems holds this member",
  );
  const ids = founders.map((member) => member.id);
  return { memberId: self.id, clusterId: bootstrapClusterId(ids, sha1) };
}

function founder(initial: InitialMember, token: string): ClusterMember {
  const peerUrls = initial.peerUrls.map((url) => url.text).sort();
  return {
    id: bootstrapMemberId(peerUrls, token, sha1),
    name: initial.name,
    peerUrls,
    clientUrls: [],
    isLearner: false,
  };
}

async function restoreMember(
  config: ServerConfig,
  deps: MemberDeps,
  storage: MemberStorage,
  founders: readonly ClusterMember[],
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
  const { raft, raftLog, appliedIndex } = restoreRaft(config, deps, storage, founders);
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
    raft,
    raftLog,
    appliedIndex,
    initialPeers: storage.isNew ? founders : [],
  };
}

function restoreRaft(
  config: ServerConfig,
  deps: MemberDeps,
  storage: MemberStorage,
  founders: readonly ClusterMember[],
): Pick<Member, "raft" | "raftLog" | "appliedIndex"> {
  const { barrier, contents } = storage;
  const raftLog = new MemoryLogStorage();
  const appliedIndex = barrier?.index ?? 0;
  if (barrier !== undefined) {
    const confState = barrier.confState ?? EMPTY_CONF_STATE;
    raftLog.applySnapshot({ index: barrier.index, term: barrier.term, confState, data: new Uint8Array(0) });
  }
  raftLog.append(contents.entries);
  raftLog.setHardState(contents.hardState);
  const parsed = parseConfig({
    id: storage.identity.memberId,
    electionTicks: Math.floor(config.electionTimeoutMs / config.heartbeatIntervalMs),
    applied: appliedIndex,
    maxCommittedSizePerReady: COMMITTED_BYTES_PER_READY,
    maxUncommittedSize: UNCOMMITTED_BYTES_MAX,
    checkQuorum: true,
    preVote: config.preVote,
  });
  if (!parsed.ok) throw new Error(parsed.errors.join("; "));
  const raft = new RawNode(parsed.config, { storage: raftLog, prng: deps.prng });
  // Also where the first start ended before its first entries were durable.
  if (contents.last.index === 0 && contents.hardState.term === 0) {
    raft.bootstrap(
      [...founders]
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .map((member) => ({
          id: member.id,
          data: encodeRaftConfChange(
            createRaftConfChange({
              type: ConfChangeType.AddNode,
              nodeId: member.id,
              context: memberJson(member),
            }),
          ),
        })),
    );
  }
  return { raft, raftLog, appliedIndex };
}
