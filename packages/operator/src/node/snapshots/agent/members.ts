import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { EtcdClient, isEtcdError, type TlsOptions } from "@quorate/client";
import { AGENT_VARIABLES, type FailureReason, type SnapshotTask, type TaskMember } from "../../../core/index.ts";
import { AgentError, messageOf } from "./agent-error.ts";

/** How members are reached. */
export interface MemberAccess {
  readonly tls?: TlsOptions;
  readonly user?: { readonly name: string; readonly password: string };
}

/** A voter that answered, and may be taken a snapshot of. */
export interface Candidate {
  readonly member: TaskMember;
  readonly client: EtcdClient;
  /** Hexadecimal. */
  readonly id: string;
  readonly clusterId: string;
  readonly isLeader: boolean;
  readonly version: string;
  readonly raftTerm: number;
  readonly appliedIndex: number;
  readonly dbSizeBytes: number;
}

const STATUS_MS = 5_000;
const READ_MS = 10_000;
/** Entries that a member may be behind the most advanced one; as for the operator's own steps. */
const LAG_MAX = 1_000;

/** Reads credentials as they are mounted. Rejects with {@link AgentError}. */
export async function memberAccess(env: Readonly<Record<string, string | undefined>>): Promise<MemberAccess> {
  const directory = env[AGENT_VARIABLES.clientTls];
  const name = env["ETCD_USERNAME"];
  const password = env["ETCD_PASSWORD"];
  const user = name === undefined || password === undefined ? {} : { user: { name, password } };
  if (directory === undefined) return user;
  try {
    const [ca, cert, key] = await Promise.all(
      ["ca.crt", "tls.crt", "tls.key"].map((file) => readFile(join(directory, file), "utf8")),
    );
    return { tls: { ca: ca ?? "", cert: cert ?? "", key: key ?? "" }, ...user };
  } catch (error) {
    throw new AgentError("ClusterMissing", `the client's certificate: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * The members that a snapshot may be taken from, best first: voters of the right cluster that know a leader and are not behind, as the
 * task's `source` asks. Their clients are the caller's to close. Rejects with why there is none.
 */
export async function candidates(
  task: Pick<SnapshotTask, "members" | "source" | "clusterId">,
  access: MemberAccess,
  log: (line: string) => void,
): Promise<readonly Candidate[]> {
  const failures: AgentError[] = [];
  const answers = await Promise.all(task.members.map((member) => ask(member, access, failures, log)));
  const found = answers.filter((answer) => answer !== undefined);
  const newest = Math.max(0, ...found.map(({ appliedIndex }) => appliedIndex));
  const usable: Candidate[] = [];
  for (const candidate of found) {
    const refusal = refusalOf(candidate, task.clusterId, newest);
    if (refusal === undefined) usable.push(candidate);
    else {
      log(`${candidate.member.name} is not taken: ${refusal.message}`);
      failures.push(refusal);
      await candidate.client.close();
    }
  }
  const ordered = inOrder(usable, task.source);
  for (const { client } of usable.filter((candidate) => !ordered.includes(candidate))) await client.close();
  if (ordered.length === 0) throw worst(failures, task);
  return ordered;
}

/** Proves that the cluster has a quorum: a read of nothing through it. Rejects with `NoQuorum`. */
export async function requireQuorum({ client, member }: Candidate): Promise<void> {
  try {
    await client.kv.get("quorate-snapshot-probe", { deadlineMs: READ_MS });
  } catch (error) {
    // Whoever is told that he may not read was told so by a member that asked the others first.
    if (isEtcdError(error, "permissionDenied")) return;
    throw etcdFailure(error, `${member.name} does not read through a quorum`, "NoQuorum");
  }
}

/** A failed call to a member as a failure of the agent's work; what is no matter of users or quorums becomes `otherwise`. */
export function etcdFailure(error: unknown, what: string, otherwise: FailureReason): AgentError {
  const message = `${what}: ${messageOf(error)}`;
  if (!isEtcdError(error)) return new AgentError(otherwise, message, { cause: error });
  switch (error.code) {
    case "userEmpty":
    case "permissionDenied":
    case "authFailed":
    case "invalidAuthToken":
    case "rootRoleNotExist":
      return new AgentError("AuthRequired", message, { cause: error });
    case "noLeader":
    case "notLeader":
    case "leaderChanged":
    case "timeout":
    case "timeoutDueToLeaderFail":
    case "timeoutDueToConnectionLost":
      return new AgentError("NoQuorum", message, { cause: error });
    case "snapshotDamaged":
      return new AgentError("DigestMismatch", message, { cause: error });
    case "aborted":
      return new AgentError("Timeout", message, { cause: error });
    default:
      return new AgentError(otherwise, message, { cause: error });
  }
}

async function ask(
  member: TaskMember,
  access: MemberAccess,
  failures: AgentError[],
  log: (line: string) => void,
): Promise<Candidate | undefined> {
  const client = new EtcdClient({ endpoints: member.clientUrl, dialTimeoutMs: STATUS_MS, ...access });
  try {
    const status = await client.maintenance.status({ deadlineMs: STATUS_MS });
    const { header } = status;
    if (status.isLearner) throw new AgentError("NoHealthyMember", `${member.name} is a learner`);
    if (status.leader === 0n) throw new AgentError("NoQuorum", `${member.name} knows no leader`);
    return {
      member,
      client,
      id: header.memberId.toString(16),
      clusterId: header.clusterId.toString(16),
      isLeader: status.leader === header.memberId,
      version: status.version,
      raftTerm: status.raftTerm,
      appliedIndex: status.raftAppliedIndex,
      dbSizeBytes: status.dbSize,
    };
  } catch (error) {
    await client.close();
    const failure = etcdFailure(error, `${member.name} did not say how it is`, "NoHealthyMember");
    const kept = (error as Error).name === "AgentError" ? (error as AgentError) : failure;
    log(kept.message);
    failures.push(kept);
    return undefined;
  }
}

function refusalOf(
  { member, clusterId, appliedIndex }: Candidate,
  expected: string | undefined,
  newest: number,
): AgentError | undefined {
  if (expected !== undefined && clusterId !== expected) {
    return new AgentError("NoHealthyMember", `${member.name} is of cluster ${clusterId}, not ${expected}`);
  }
  const lag = newest - appliedIndex;
  if (lag > LAG_MAX) return new AgentError("NoHealthyMember", `${member.name} is ${lag} entries behind`);
  return undefined;
}

/** Followers that are furthest first, the leader last: it has enough to do. */
function inOrder(usable: readonly Candidate[], source: SnapshotTask["source"]): readonly Candidate[] {
  const chosen = source === "Leader" ? usable.filter(({ isLeader }) => isLeader) : usable;
  const rank = ({ isLeader }: Candidate): number => (source === "Follower" && isLeader ? 1 : 0);
  return [...chosen].sort((a, b) => rank(a) - rank(b) || b.appliedIndex - a.appliedIndex);
}

/** What to say when there is no candidate: what a user can do something about goes first. */
function worst(
  failures: readonly AgentError[],
  { source, members }: Pick<SnapshotTask, "source" | "members">,
): AgentError {
  const of = (reason: FailureReason): AgentError | undefined => failures.find((failure) => failure.reason === reason);
  const found = of("AuthRequired") ?? of("NoQuorum") ?? failures[0];
  if (found !== undefined) return found;
  const what = members.length === 0 ? "the cluster has no members" : `no member is what source ${source} asks for`;
  return new AgentError("NoHealthyMember", what);
}
