import {
  type EtcdCallCode,
  EtcdCallError,
  type EtcdMemberClient,
  type EtcdMemberEntry,
  type EtcdMemberList,
  memberHost,
  PEER_PORT,
  type Step,
} from "../../../core/index.ts";
import { type ActContext, type ActOutcome, DONE, latchedId, notNow } from "./act-context.ts";

type StepOf<Kind extends Step["kind"]> = Extract<Step, { readonly kind: Kind }>;

/** What a change of the membership is made on: read now, through a quorum. */
interface Membership {
  readonly list: EtcdMemberList;
  /** Of the member that gave the list. */
  readonly client: EtcdMemberClient;
}

export async function addLearner(context: ActContext, step: StepOf<"AddLearner">): Promise<ActOutcome> {
  const membership = await membershipOf(context);
  if (typeof membership === "string") return notNow(membership);
  const { list, client } = membership;
  if (list.members.some(({ peerUrls }) => peerUrls.includes(step.peerUrl))) return DONE;
  // One change at a time, whatever was decided on an older list.
  const open = list.members.find(({ isLearner, name }) => isLearner || name === "");
  if (open !== undefined) return notNow(`member ${open.id} has not become a voter yet`);
  return await called(context, () => client.addLearner(step.peerUrl), ["MemberExists"]);
}

export async function promote(context: ActContext, step: StepOf<"Promote">): Promise<ActOutcome> {
  const membership = await membershipOf(context);
  if (typeof membership === "string") return notNow(membership);
  const entry = exactEntry(context, membership.list, step.member, step.memberId);
  if (entry === undefined) return notNow(`${step.member} is not member ${step.memberId} any more`);
  if (!entry.isLearner) return DONE;
  return await called(context, () => membership.client.promote(step.memberId), ["NotLearner"]);
}

export async function moveLeader(context: ActContext, step: StepOf<"MoveLeader">): Promise<ActOutcome> {
  const membership = await membershipOf(context);
  if (typeof membership === "string") return notNow(membership);
  const target = exactEntry(context, membership.list, step.to, step.toId);
  if (target === undefined || target.isLearner) return notNow(`${step.to} is no voter any more`);
  const from = context.sight.clients.get(step.from);
  if (from === undefined) return notNow(`${step.from} cannot be asked`);
  const { leaderId } = await from.status();
  if (leaderId !== step.fromId) return DONE;
  return await called(context, () => from.moveLeader(step.toId), ["NotLeader"]);
}

export async function removeFromCluster(context: ActContext, step: StepOf<"RemoveFromCluster">): Promise<ActOutcome> {
  const membership = await membershipOf(context);
  if (typeof membership === "string") return notNow(membership);
  const { list, client } = membership;
  const target = list.members.find(({ id }) => id === step.memberId);
  if (target === undefined) return DONE;
  if (step.member !== undefined && !target.peerUrls.includes(peerUrl(context, step.member))) {
    return notNow(`member ${step.memberId} is not ${step.member}`);
  }
  if (!target.isLearner) {
    const refusal = await whyNotRemovable(context, list, target);
    if (refusal !== undefined) return { ...notNow(refusal), event: { reason: "RemovalRefusedByQuorum" } };
  }
  return await called(context, () => client.removeMember(step.memberId), ["MemberNotFound"]);
}

/** The member that is listed under this ID, if it is the one meant. */
function exactEntry(
  context: ActContext,
  list: EtcdMemberList,
  member: string,
  id: string,
): EtcdMemberEntry | undefined {
  const url = peerUrl(context, member);
  return list.members.find((entry) => entry.id === id && entry.peerUrls.includes(url));
}

function peerUrl({ sight: { settings } }: ActContext, member: string): string {
  const host = memberHost(settings.name, settings.namespace, member);
  return `${settings.hasPeerTls ? "https" : "http"}://${host}:${PEER_PORT}`;
}

/** Gates G1 and G6 once more, with what members say now: the rest has a majority of itself, and the target does not lead. */
async function whyNotRemovable(
  context: ActContext,
  list: EtcdMemberList,
  target: EtcdMemberEntry,
): Promise<string | undefined> {
  const others = list.members.filter(({ id, isLearner }) => !isLearner && id !== target.id);
  const answers = await Promise.all(
    [...context.sight.clients.values()].map((client) => client.status().catch(() => undefined)),
  );
  const known = answers.filter((status) => status !== undefined && status.clusterId === list.clusterId);
  if (known.some((status) => status?.memberId === target.id && status.leaderId === target.id)) {
    return `member ${target.id} leads`;
  }
  const healthy = others.filter(({ id }) =>
    known.some((status) => status?.memberId === id && status.leaderId !== "0" && status.leaderId !== target.id),
  );
  const quorum = Math.floor(others.length / 2) + 1;
  if (healthy.length >= quorum) return undefined;
  return `only ${healthy.length} of the ${others.length} voters that would stay are healthy`;
}

/** Rather a reason than a list of another cluster, or of one that is not known to be ours. */
export async function membershipOf(context: ActContext): Promise<Membership | string> {
  const wanted = latchedId(context);
  if (wanted === undefined) return "the cluster's identity is not recorded";
  let reason = "no member gives a member list through a quorum";
  for (const client of askedInTurn(context)) {
    try {
      const list = await client.memberList(true);
      if (list.clusterId !== wanted) return `a member answers as cluster ${list.clusterId}, not ${wanted}`;
      return { list, client };
    } catch (error) {
      if (!(error instanceof EtcdCallError)) throw error;
      reason = error.message;
    }
  }
  return reason;
}

/** Voters that answered this pass, the leader first: it knows who is connected to whom. */
function askedInTurn({ sight }: ActContext): readonly EtcdMemberClient[] {
  const rank = (name: string): number | undefined => {
    const answer = sight.world.etcd.answers.get(name);
    if (answer?.kind !== "status" || answer.status.isLearner) return undefined;
    return answer.status.leaderId === answer.status.memberId ? 0 : 1;
  };
  return [...sight.clients]
    .flatMap(([name, client]) => {
      const order = rank(name);
      return order === undefined ? [] : [{ order, client }];
    })
    .sort((a, b) => a.order - b.order)
    .map(({ client }) => client);
}

/**
 * Has the cluster change something, if this operator still leads: asked last, since what was read before may have taken seconds (gate G10).
 * Refusals of the cluster are no failures: the world is looked at again. Codes in `fine` say that it was done before.
 */
export async function called(
  { deps }: ActContext,
  call: () => Promise<unknown>,
  fine: readonly EtcdCallCode[] = [],
): Promise<ActOutcome> {
  if (!deps.options.isLeader()) return notNow("this operator does not lead any more");
  try {
    await call();
    return DONE;
  } catch (error) {
    if (!(error instanceof EtcdCallError)) throw error;
    return fine.includes(error.code) ? DONE : notNow(`${error.code}: ${error.message}`);
  }
}
