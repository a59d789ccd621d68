import {
  type EtcdAlarm,
  type EtcdCallCode,
  EtcdCallError,
  type EtcdMemberClient,
  type EtcdMemberEntry,
  type EtcdMemberList,
  type EtcdStatus,
} from "../../../src/core/index.ts";

export const CLUSTER_ID = "abc1";

/** One member as the operator sees it; `fails` makes every call fail with this code. */
export interface FakeMember {
  readonly id: string;
  readonly name: string;
  readonly isLearner?: boolean;
  readonly leaderId?: string;
  readonly clusterId?: string;
  readonly isAuthEnabled?: boolean;
  readonly fails?: EtcdCallCode;
  readonly refuses?: Partial<Record<keyof EtcdMemberClient, EtcdCallCode>>;
}

/** A client of a fake member that writes down what it is asked. */
export function fakeClient(member: FakeMember, entries: readonly EtcdMemberEntry[], calls: string[]): EtcdMemberClient {
  const clusterId = member.clusterId ?? CLUSTER_ID;
  const answer = <T>(call: keyof EtcdMemberClient, value: T, argument = ""): Promise<T> => {
    calls.push(`${member.name}.${call}(${argument})`);
    const code = member.fails ?? member.refuses?.[call];
    return code === undefined ? Promise.resolve(value) : Promise.reject(new EtcdCallError(code, code, false));
  };
  const list: EtcdMemberList = { clusterId, memberId: member.id, members: entries };
  const status: EtcdStatus = {
    clusterId,
    memberId: member.id,
    leaderId: member.leaderId ?? "1",
    raftTerm: 2,
    raftIndex: 10,
    appliedIndex: 10,
    isLearner: member.isLearner ?? false,
    revision: 5,
    version: "3.7.1",
    dbSize: 1,
    dbSizeInUse: 1,
    quota: 0,
    errors: [],
  };
  return {
    status: () => answer("status", status),
    memberList: (linearizable) => answer("memberList", list, String(linearizable)),
    linearizableRead: () => answer("linearizableRead", 5),
    addLearner: (url) => answer("addLearner", "9", url),
    promote: (id) => answer("promote", undefined, id),
    removeMember: (id) => answer("removeMember", undefined, id),
    moveLeader: (id) => answer("moveLeader", undefined, id),
    defragment: (timeoutMs) => answer("defragment", undefined, String(timeoutMs)),
    alarms: () => answer("alarms", [] as readonly EtcdAlarm[]),
    disarm: ({ memberId, alarm }) => answer("disarm", undefined, `${memberId} ${alarm}`),
    compact: (revision) => answer("compact", undefined, String(revision)),
    isAuthEnabled: () => answer("isAuthEnabled", member.isAuthEnabled ?? false),
    enableAuth: (password) => answer("enableAuth", undefined, password),
    disableAuth: () => answer("disableAuth", undefined),
    hashKv: (revision) => answer("hashKv", { hash: 1, compactRevision: 0 }, String(revision)),
  };
}

export function entry(id: string, name: string, changes: Partial<EtcdMemberEntry> = {}): EtcdMemberEntry {
  const host = `${name}.c-peers.ns.svc`;
  return {
    id,
    name,
    peerUrls: [`https://${host}:2380`],
    clientUrls: [`https://${host}:2379`],
    isLearner: false,
    ...changes,
  };
}
