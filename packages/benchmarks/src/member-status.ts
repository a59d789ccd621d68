import { createStatusRequest, decodeStatusResponse, encodeStatusRequest } from "@quorate/protocol";
import { unary } from "./unary.ts";

/** What a member says about itself. */
export interface MemberStatus {
  readonly memberId: bigint;
  /** 0 while it knows no leader. */
  readonly leaderId: bigint;
  readonly term: number;
  /** Newest revision that it has applied. */
  readonly revision: number;
}

const STATUS_TIMEOUT_MS = 5000;
const LEADER_CHANGES = "etcd_server_leader_changes_seen_total";

/** Status of the member with this client port. */
export function statusOf(port: number): Promise<MemberStatus> {
  const decode = (bytes: Buffer, start: number, end: number): MemberStatus => {
    const { header, leader, raftTerm } = decodeStatusResponse(bytes, start, end);
    return {
      memberId: header?.memberId ?? 0n,
      leaderId: leader,
      term: raftTerm,
      revision: header?.revision ?? 0,
    };
  };
  const request = encodeStatusRequest(createStatusRequest());
  return unary(port, "/etcdserverpb.Maintenance/Status", request, decode, STATUS_TIMEOUT_MS);
}

/** How many changes of leader the member has seen since it started, from its metrics. */
export async function leaderChangesSeen(port: number): Promise<number> {
  const signal = AbortSignal.timeout(STATUS_TIMEOUT_MS);
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, { signal });
  return metricValue(await response.text(), LEADER_CHANGES);
}

/** Value of an unlabelled metric in Prometheus text. Throws when it is not there. */
export function metricValue(text: string, name: string): number {
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${name} `));
  if (line === undefined) throw new Error(`no metric ${name}`);
  return Number(line.slice(name.length + 1));
}
