import { type EtcdNode, waitUntil } from "@quorate/testkit";
import { EtcdApi, type Message } from "../etcd-api.ts";

const LEADER_TIMEOUT_MS = 20_000;
const CALL_TIMEOUT_MS = 30_000;
const STATUS_DEADLINE_MS = 1000;
const UNIMPLEMENTED = 12;

/** Members by index; an `EtcdCluster` is one such. */
export interface Members {
  readonly nodes: readonly Pick<EtcdNode, "endpoint" | "running">[];
}

/** A connection to each member of a cluster, and what is asked of single members. */
export class MemberClients implements Disposable {
  readonly #cluster: Members;
  readonly #apis: EtcdApi[] = [];

  constructor(cluster: Members) {
    this.#cluster = cluster;
  }

  /** The connection to one member, kept over its restarts. */
  api(index: number): EtcdApi {
    let api = this.#apis[index];
    if (api === undefined) {
      const node = this.#cluster.nodes[index];
      if (node === undefined) throw new Error(`no member ${index}`);
      api = new EtcdApi(node.endpoint);
      this.#apis[index] = api;
    }
    return api;
  }

  status(index: number): Promise<Message> {
    return this.api(index).must("Maintenance/Status", {}, STATUS_DEADLINE_MS);
  }

  /** The member's own ID, in decimal. */
  async id(index: number): Promise<string> {
    return String(((await this.status(index))["header"] as Message)["member_id"]);
  }

  /** The running member that is the leader and says so itself; undefined while there is none. */
  async leader(): Promise<number | undefined> {
    for (const [index, node] of this.#cluster.nodes.entries()) {
      if (!node.running) continue;
      const status = await this.status(index).catch(() => undefined);
      if (status !== undefined && status["leader"] === (status["header"] as Message)["member_id"]) return index;
    }
    return undefined;
  }

  /** Waits for a leader. Rejects after 20 s. */
  async untilLeader(): Promise<number> {
    let leader: number | undefined;
    await waitUntil(
      async () => {
        leader = await this.leader();
        return leader !== undefined;
      },
      { what: "a leader", timeoutMs: LEADER_TIMEOUT_MS, everyMs: 50 },
    );
    return leader ?? 0;
  }

  /** Makes a member the leader; repeated, since etcd refuses while an election is under way. Rejects after 20 s. */
  async moveLeader(to: number): Promise<void> {
    let last = "";
    await waitUntil(
      async () => {
        const from = await this.untilLeader();
        if (from === to) return true;
        const targetID = await this.id(to);
        const moved = await this.api(from).call("Maintenance/MoveLeader", { targetID }, 5000);
        if (!moved.ok) last = `member ${from}: code ${moved.code}: ${moved.message}`;
        return false;
      },
      { what: `member ${to} to lead`, timeoutMs: LEADER_TIMEOUT_MS, everyMs: 20, detail: () => last },
    );
  }

  /** Waits until a member knows a cluster version other than the 3.0 that stands for an undecided one. Rejects after 30 s. */
  async untilVersionDecided(index: number): Promise<void> {
    let seen = "";
    await waitUntil(
      async () => {
        const answer = await fetch(`http://${this.#cluster.nodes[index]?.endpoint}/version`).catch(() => undefined);
        seen = ((await answer?.json()) as { etcdcluster?: string } | undefined)?.etcdcluster ?? "";
        return /^3\.[1-9]/.test(seen);
      },
      {
        what: `member ${index} to know the cluster version`,
        timeoutMs: CALL_TIMEOUT_MS,
        everyMs: 100,
        detail: () => `it says '${seen}'`,
      },
    );
  }

  /** The response of a call to any of `members`, in turn until one answers it. Rejects after `timeoutMs`. */
  async patiently(
    method: string,
    request: Message,
    members: readonly number[],
    timeoutMs: number = CALL_TIMEOUT_MS,
  ): Promise<Message> {
    let answer: Message | undefined;
    let last = "";
    let turn = 0;
    await waitUntil(
      async () => {
        const member = members[turn++ % members.length] ?? 0;
        const outcome = await this.api(member).call(method, request);
        if (outcome.ok) answer = outcome.response;
        else last = `member ${member}: code ${outcome.code}: ${outcome.message}`;
        return outcome.ok;
      },
      { what: `an answer to ${method}`, timeoutMs, everyMs: 50, detail: () => last },
    );
    return answer ?? {};
  }

  /**
   * Whether all members have the Auth service. The newest is asked first and the others only if it has, since even a
   * question is replicated, and ends a member that does not know the kind.
   */
  async haveAuth(members: readonly number[]): Promise<boolean> {
    const versions = await Promise.all(members.map(async (member) => String((await this.status(member))["version"])));
    const newestFirst = members
      .map((member, i) => ({ member, version: versions[i] ?? "" }))
      .sort((a, b) => (a.version < b.version ? 1 : -1));
    for (const { member } of newestFirst) {
      const answer = await this.api(member).call("Auth/UserList", {});
      if (!answer.ok && answer.code === UNIMPLEMENTED) return false;
    }
    return true;
  }

  close(): void {
    for (const api of this.#apis) api?.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
