import type { ResponseHeader } from "@quorate/protocol";
import type { NodeContext } from "./node-context.ts";

/** The header of an answer that is not on a hot path; `revision` is the store's current one unless given. */
export function responseHeader(context: NodeContext, revision: number = context.store.revision): ResponseHeader {
  return { clusterId: context.clusterId, memberId: context.memberId, revision, raftTerm: context.replica.term };
}
