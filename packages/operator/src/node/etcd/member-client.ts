import { type EtcdClient, type EtcdErrorCode, isEtcdError } from "@quorate/client";
import { AlarmType } from "@quorate/protocol";
import type { EtcdAlarm, EtcdMemberClient, EtcdMemberList, EtcdStatus } from "../../core/index.ts";
import { callError } from "./call-errors.ts";

/** Handing over takes the time of an election, which clusters over wide areas set to seconds. */
const MOVE_LEADER_MS = 6_000;
/** A key that no client can write by accident; whether it is there does not matter. */
const NO_KEY = "\0";
/** User and role that etcd gives every right. */
const ROOT = "root";

type Call = { readonly endpoint: string; readonly deadlineMs: number };
type ListOfClient = Awaited<ReturnType<EtcdClient["cluster"]["members"]>>;

/** {@link EtcdMemberClient} on the project's client. */
export class ClientMemberClient implements EtcdMemberClient {
  readonly #client: EtcdClient;
  readonly #call: Call;

  /** `limitMs`: how long a call may take unless it says otherwise. */
  constructor(client: EtcdClient, clientUrl: string, limitMs: number) {
    this.#client = client;
    this.#call = { endpoint: clientUrl, deadlineMs: limitMs };
  }

  async status(): Promise<EtcdStatus> {
    const status = await outcome(this.#client.maintenance.status(this.#call));
    return {
      clusterId: idText(status.header.clusterId),
      memberId: idText(status.header.memberId),
      leaderId: idText(status.leader),
      raftTerm: status.raftTerm,
      raftIndex: status.raftIndex,
      appliedIndex: status.raftAppliedIndex,
      isLearner: status.isLearner,
      revision: status.header.revision,
      version: status.version,
      dbSize: status.dbSize,
      dbSizeInUse: status.dbSizeInUse,
      quota: status.dbSizeQuota,
      errors: status.errors,
    };
  }

  async memberList(linearizable: boolean): Promise<EtcdMemberList> {
    return listOf(
      await outcome(this.#client.cluster.members({ ...this.#call, linearizable, requireLeader: linearizable })),
    );
  }

  async linearizableRead(): Promise<number> {
    const options = { ...this.#call, countOnly: true, requireLeader: true };
    return (await outcome(this.#client.kv.get(NO_KEY, options))).header.revision;
  }

  async addLearner(peerUrl: string): Promise<string> {
    const options = { ...this.#call, isLearner: true };
    const { member } = await outcome(this.#client.cluster.add([peerUrl], options));
    return idText(member?.id ?? 0n);
  }

  async promote(memberId: string): Promise<void> {
    await outcome(this.#client.cluster.promote(idOf(memberId), this.#call));
  }

  async removeMember(memberId: string): Promise<void> {
    await outcome(this.#client.cluster.remove(idOf(memberId), this.#call));
  }

  async moveLeader(toMemberId: string): Promise<void> {
    const deadlineMs = Math.max(this.#call.deadlineMs, MOVE_LEADER_MS);
    await outcome(this.#client.maintenance.moveLeader(idOf(toMemberId), { ...this.#call, deadlineMs }));
  }

  async defragment(timeoutMs: number): Promise<void> {
    await outcome(this.#client.maintenance.defragment({ ...this.#call, deadlineMs: timeoutMs }));
  }

  async alarms(): Promise<readonly EtcdAlarm[]> {
    const { alarms } = await outcome(this.#client.maintenance.alarms(this.#call));
    return alarms.flatMap(({ memberId, alarm }): EtcdAlarm[] => {
      if (alarm === AlarmType.NOSPACE) return [{ memberId: idText(memberId), alarm: "NOSPACE" }];
      return alarm === AlarmType.CORRUPT ? [{ memberId: idText(memberId), alarm: "CORRUPT" }] : [];
    });
  }

  async disarm({ memberId, alarm }: EtcdAlarm): Promise<void> {
    await outcome(this.#client.maintenance.disarm({ memberId: idOf(memberId), alarm }, this.#call));
  }

  async compact(revision: number): Promise<void> {
    await outcome(this.#client.kv.compact(revision, this.#call));
  }

  async hashKv(revision: number): Promise<{ readonly hash: number; readonly compactRevision: number }> {
    const { hash, compactRevision } = await outcome(this.#client.maintenance.hashKv(revision, this.#call));
    return { hash, compactRevision };
  }

  async isAuthEnabled(): Promise<boolean> {
    return (await outcome(this.#client.auth.status(this.#call))).enabled;
  }

  async enableAuth(rootPassword: string): Promise<void> {
    const { auth } = this.#client;
    // Any of these may have been done by a pass that did not come to its end.
    const isNew = await unless("userAlreadyExist", auth.addUser(ROOT, rootPassword, this.#call));
    if (!isNew) await outcome(auth.changePassword(ROOT, rootPassword, this.#call));
    await unless("roleAlreadyExist", auth.addRole(ROOT, this.#call));
    await outcome(auth.grantRole(ROOT, ROOT, this.#call));
    await outcome(auth.enable(this.#call));
  }

  async disableAuth(): Promise<void> {
    await outcome(this.#client.auth.disable(this.#call));
  }
}

/** False if the call failed with this code: what it was to make is there already. */
async function unless(code: EtcdErrorCode, call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (isEtcdError(error, code)) return false;
    throw callError(error);
  }
}

function listOf({ header, members }: ListOfClient): EtcdMemberList {
  return {
    clusterId: idText(header.clusterId),
    memberId: idText(header.memberId),
    members: members.map((member) => ({
      id: idText(member.id),
      name: member.name,
      peerUrls: member.peerUrls,
      clientUrls: member.clientUrls,
      isLearner: member.isLearner,
    })),
  };
}

async function outcome<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw callError(error);
  }
}

/** As etcd prints them. */
function idText(id: bigint): string {
  return id.toString(16);
}

function idOf(text: string): bigint {
  return BigInt(`0x${text}`);
}
