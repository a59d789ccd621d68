import { ERRORS, type ErrorCode } from "@quorate/protocol";
import type { ClusterMember, MemberChanges } from "../core/index.ts";
import type { Attempt, LeaderLink } from "./leader-link.ts";
import { type PeerClient, PeerHttpError, PeerRequestError } from "./peer/index.ts";
import type { Access } from "./services/access.ts";

/** How the refusals of a promotion are told to another member: some by their status, some by their text. */
const STATUS_OF: Readonly<Partial<Record<ErrorCode, number>>> = {
  memberNotFound: 404,
  memberNotLearner: 412,
  learnerNotReady: 412,
};
const TEXT_OF: Readonly<Partial<Record<ErrorCode, string>>> = {
  memberNotFound: "membership: ID not found",
  memberNotLearner: "membership: can only promote a learner member",
};

/** Has the leader, another member, make a learner a voter. Resolves with the members afterwards, or why not. */
export async function promoteViaLeader(
  link: LeaderLink,
  client: PeerClient,
  { changes, id, token }: { readonly changes: MemberChanges; readonly id: bigint; readonly token: string | undefined },
): Promise<readonly ClusterMember[] | ErrorCode> {
  const own = (): Promise<Attempt<readonly ClusterMember[]>> =>
    new Promise((resolve) => {
      changes.promote(id, (result) => resolve(typeof result === "string" ? { refused: result } : { value: result }));
    });
  const outcome = await link.ask((url, timeoutMs) => attempt(client.promote(url, id, { timeoutMs, token })), own);
  return typeof outcome === "string" ? outcome : outcome.value;
}

async function attempt(answer: Promise<readonly ClusterMember[]>): Promise<Attempt<readonly ClusterMember[]>> {
  try {
    return { value: await answer };
  } catch (error) {
    if (!(error instanceof PeerRequestError)) return "unreachable";
    if (error.status === 404) return { refused: "memberNotFound" };
    if (error.status !== 412) return "unreachable";
    return { refused: error.text.includes("in sync") ? "learnerNotReady" : "memberNotLearner" };
  }
}

/** Makes a learner a voter for another member that was asked to, by whom `token` belongs to. Rejects with a PeerHttpError. */
export function promoteForPeer(
  { access, changes }: { readonly access: Access; readonly changes: MemberChanges },
  id: bigint,
  token: string | undefined,
): Promise<readonly ClusterMember[]> {
  return new Promise((resolve, reject) => {
    const refused = access.adminByToken(token);
    if (refused !== undefined) {
      reject(new PeerHttpError(500, ERRORS[refused].message));
      return;
    }
    changes.promote(id, (outcome) => {
      if (typeof outcome !== "string") resolve(outcome);
      else reject(new PeerHttpError(STATUS_OF[outcome] ?? 500, TEXT_OF[outcome] ?? ERRORS[outcome].message));
    });
  });
}
