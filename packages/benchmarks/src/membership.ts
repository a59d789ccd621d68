import { setTimeout as sleep } from "node:timers/promises";
import {
  createMemberAddRequest,
  createMemberRemoveRequest,
  decodeMemberAddResponse,
  encodeMemberAddRequest,
  encodeMemberRemoveRequest,
} from "@quorate/protocol";
import { type EtcdCluster, initialClusterOf, waitUntil } from "@quorate/testkit";
import { unary } from "./unary.ts";

/** Members refuse changes for up to five seconds after one of them was last out of reach. */
const REFUSED_TIMEOUT_MS = 30_000;
const RETRY_MS = 500;
/** Raft drops a change while another is not applied; etcd then never answers. */
const ANSWER_TIMEOUT_MS = 3000;
/** Under load the change before counts as applied a little after its answer. */
const BETWEEN_CHANGES_MS = 1000;

/** Removes a member that is gone, through the client port of another, and waits until another change may follow. */
export async function removeMember(port: number, memberId: bigint): Promise<void> {
  const request = encodeMemberRemoveRequest(createMemberRemoveRequest({ id: memberId }));
  await untilTaken("MemberRemove", () =>
    unary(port, "/etcdserverpb.Cluster/MemberRemove", request, () => undefined, ANSWER_TIMEOUT_MS),
  );
  await sleep(BETWEEN_CHANGES_MS);
}

/**
 * Adds a voter that runs `program`, through the client port of another member. `start()` starts it and resolves when it
 * serves.
 */
export async function addMember(
  cluster: EtcdCluster,
  port: number,
  program: readonly string[],
): Promise<{ readonly index: number; start(): Promise<void> }> {
  const index = await cluster.prepareMember({ program });
  const { name, peerUrl } = cluster.node(index);
  const request = encodeMemberAddRequest(createMemberAddRequest({ peerUrls: [peerUrl] }));
  let initialCluster = "";
  await untilTaken("MemberAdd", async () => {
    const decode = (bytes: Buffer, start: number, end: number): string => {
      const members = decodeMemberAddResponse(bytes, start, end).members;
      const listed = members.map((member) => ({ name: member.name, peerURLs: member.peerUrls }));
      return initialClusterOf(listed, { name, peerUrl });
    };
    initialCluster = await unary(port, "/etcdserverpb.Cluster/MemberAdd", request, decode, ANSWER_TIMEOUT_MS);
  });
  return { index, start: () => cluster.join(index, initialCluster) };
}

async function untilTaken(what: string, change: () => Promise<void>): Promise<void> {
  let refusal: unknown;
  await waitUntil(
    () =>
      change().then(
        () => true,
        (error: unknown) => {
          refusal = error;
          return false;
        },
      ),
    { what, timeoutMs: REFUSED_TIMEOUT_MS, everyMs: RETRY_MS, detail: () => String(refusal) },
  );
}
