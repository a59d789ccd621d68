import type {
  EtcdAlarm,
  EtcdCallError,
  EtcdMemberClient,
  EtcdMemberList,
  EtcdStatus,
  EtcdView,
  MemberAnswer,
} from "../../../core/index.ts";

/** So many members are asked what takes a quorum; one that cannot answer must not make the whole pass blind. */
const QUORUM_READERS_MAX = 3;

const NOBODY: EtcdView = {
  list: undefined,
  localLists: new Map(),
  answers: new Map(),
  alarms: [],
  isReadable: false,
};

/** Asked only where the spec asks for authentication, or did. */
export interface AuthenticationWish {
  /** Whether root was given the password that its Secret has now. */
  readonly isPasswordSet: boolean;
}

/**
 * Asks every member, all at once, what it says of itself, and those that vote for the membership and the alarms. Each call has its own time
 * limit; a member that fails is told by its answer and harms nothing else.
 */
export async function etcdView(
  clients: ReadonlyMap<string, EtcdMemberClient>,
  authentication?: AuthenticationWish,
): Promise<EtcdView> {
  if (clients.size === 0) return NOBODY;
  const names = [...clients.keys()];
  const answers = new Map(
    await Promise.all([...clients].map(async ([name, client]) => [name, await ask(client)] as const)),
  );
  // Learners answer for themselves only: etcd refuses them everything else.
  const voters = names.filter((name) => !(statusOf(answers.get(name))?.isLearner ?? true));
  const readers = leaderFirst(voters, answers)
    .slice(0, QUORUM_READERS_MAX)
    .flatMap((name) => clients.get(name) ?? []);
  const [localLists, lists, reads, alarms, isEnabled] = await Promise.all([
    localListsOf(voters, clients),
    Promise.all(readers.map((client) => outcome(client.memberList(true)))),
    Promise.all(readers.map((client) => outcome(client.linearizableRead()))),
    Promise.all(readers.map((client) => outcome(client.alarms()))),
    authentication === undefined ? undefined : outcome(readers[0]?.isAuthEnabled()),
  ]);
  return {
    list: lists.find((list) => list !== undefined),
    localLists,
    answers,
    alarms: alarms.find((list) => list !== undefined) ?? ([] as readonly EtcdAlarm[]),
    isReadable: reads.some((revision) => revision !== undefined),
    ...(isEnabled === undefined || authentication === undefined
      ? {}
      : { authentication: { isEnabled, isPasswordSet: authentication.isPasswordSet } }),
  };
}

async function ask(client: EtcdMemberClient): Promise<MemberAnswer> {
  try {
    return { kind: "status", status: await client.status() };
  } catch (error) {
    const { code, message } = error as Partial<EtcdCallError>;
    return { kind: "failed", code: code ?? "Other", message: message ?? String(error) };
  }
}

async function localListsOf(
  names: readonly string[],
  clients: ReadonlyMap<string, EtcdMemberClient>,
): Promise<ReadonlyMap<string, EtcdMemberList>> {
  const lists = await Promise.all(names.map((name) => outcome(clients.get(name)?.memberList(false))));
  return new Map(names.flatMap((name, i) => (lists[i] === undefined ? [] : [[name, lists[i]] as const])));
}

/** The leader knows the newest; those without one are asked last. */
function leaderFirst(names: readonly string[], answers: ReadonlyMap<string, MemberAnswer>): readonly string[] {
  const rank = (name: string): number => {
    const status = statusOf(answers.get(name));
    if (status === undefined || status.leaderId === "0") return 2;
    return status.leaderId === status.memberId ? 0 : 1;
  };
  return [...names].sort((a, b) => rank(a) - rank(b));
}

function statusOf(answer: MemberAnswer | undefined): EtcdStatus | undefined {
  return answer?.kind === "status" ? answer.status : undefined;
}

/** Undefined if the call failed: the members' answers tell why. */
async function outcome<T>(call: Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await call;
  } catch {
    return undefined;
  }
}
