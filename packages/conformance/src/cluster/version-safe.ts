import type { Step } from "../differential/step.ts";
import type { Message } from "../etcd-api.ts";

const NOT_SENT: ReadonlySet<string> = new Set([
  "KV/Compact",
  "Cluster/MemberAdd",
  "Cluster/MemberRemove",
  "Cluster/MemberUpdate",
  "Cluster/MemberPromote",
]);

/**
 * The step as it may be sent to a cluster of several releases, or undefined when it is none for a cluster run.
 *
 * Watch steps and restarts belong to the two-sided comparison. A transaction that writes must not read at a given
 * revision: up to 3.6 a member that does not answer the client leaves such reads out before it checks them, so a revision
 * that is compacted or in the future refuses the transaction on the answering member and applies it on the others.
 * Compactions are the runner's own, no further than every member's watch has come. Changes of members that do not exist
 * are replicated before they are refused, and noted as errors in every log.
 */
export function versionSafe(step: Step): Step | undefined {
  switch (step.kind) {
    case "raw":
    case "keep-alive":
      return step;
    case "sequence":
      return step;
    case "call":
      if (NOT_SENT.has(step.method)) return undefined;
      return step.method === "KV/Txn" ? { ...step, request: withoutReadRevisions(step.request) } : step;
    default:
      return undefined;
  }
}

function withoutReadRevisions(txn: Message): Message {
  const branch = (name: string): readonly Message[] =>
    ((txn[name] ?? []) as readonly Message[]).map((operation) => {
      const { request_range: range, request_txn: inner } = operation as {
        request_range?: Message;
        request_txn?: Message;
      };
      if (range !== undefined) return { request_range: { ...range, revision: 0 } };
      return inner === undefined ? operation : { request_txn: withoutReadRevisions(inner) };
    });
  return { ...txn, success: branch("success"), failure: branch("failure") };
}
