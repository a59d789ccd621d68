import { setTimeout as sleep } from "node:timers/promises";
import { EtcdCluster, initialClusterOf, type ListedMember, waitUntil } from "@quorate/testkit";
import { EtcdApi, type Message } from "../etcd-api.ts";

/** What a step came to: a refusal with its code, or the cluster as it is then. */
export interface ClusterStep {
  readonly step: string;
  readonly outcome: string;
}

/** A member counts as connected once it has been so for five seconds. */
const HEALTHY_MS = 6500;
/** That it is gone takes a moment to be seen: until then it counts as connected. */
const NOTICE_MS = 3000;
const EXIT_MS = 30_000;
const RETRY_MS = 250;
/** Of each member's log, in the report of a failure. */
const LOG_CHARS = 4000;

interface Listed extends ListedMember {
  readonly ID: string;
  readonly isLearner: boolean;
}

/**
 * Changes of the membership of three members, with all of them and with one down: what the strict checks refuse, what a follower
 * hands to the leader, and what becomes of members that were removed. The first and the one that joins later run `program`, the second
 * and third what `others` say.
 */
export async function threeMembers(
  program: readonly string[],
  others: readonly [readonly string[], readonly string[]] = [program, program],
): Promise<readonly ClusterStep[]> {
  const members = [program, ...others].map((each) => ({ program: each }));
  await using cluster = await EtcdCluster.start({ members, medium: "memory" });
  const apis = cluster.endpoints.map((endpoint) => new EtcdApi(endpoint));
  try {
    await Promise.all(apis.map((api) => api.ready()));
    const run = new Script(cluster, apis);
    await sleep(HEALTHY_MS);
    await run.withAll();
    await run.withOneDown();
    await run.joining(program);
    return run.steps;
  } catch (error) {
    const logs = cluster.nodes.map((node) => `${node.name}:\n${node.wholeLog().slice(-LOG_CHARS)}`);
    throw new Error(`${String(error)}\n${logs.join("\n")}`, { cause: error });
  } finally {
    for (const api of apis) api.close();
  }
}

class Script {
  readonly steps: ClusterStep[] = [];
  readonly #cluster: EtcdCluster;
  readonly #apis: readonly EtcdApi[];
  /** Leader, and two followers, by index; member 2 is the one that goes down. */
  #leader = 0;
  #other = 1;

  constructor(cluster: EtcdCluster, apis: readonly EtcdApi[]) {
    this.#cluster = cluster;
    this.#apis = apis;
  }

  async withAll(): Promise<void> {
    await this.#settleLeader();
    const learner = await this.#do(this.#other, "add a learner", "MemberAdd", url(1, true));
    for (const at of [this.#leader, this.#other]) {
      const where = at === this.#leader ? "leader" : "follower";
      await this.#do(at, `promote it at the ${where}`, "MemberPromote", { ID: learner });
      await this.#do(at, `promote a voter at the ${where}`, "MemberPromote", { ID: await this.#idOf(2) });
      await this.#do(at, `promote nobody at the ${where}`, "MemberPromote", { ID: "12345" });
    }
    await this.#do(this.#other, "update it", "MemberUpdate", { ID: learner, peerURLs: ["http://127.0.0.1:4"] });
    await this.#do(this.#leader, "remove it", "MemberRemove", { ID: learner });
    const voter = await this.#do(this.#leader, "add a voter that does not start", "MemberAdd", url(2));
    await this.#do(this.#other, "add another", "MemberAdd", url(3));
    await this.#do(this.#other, "remove the first", "MemberRemove", { ID: voter });
    const rest = (await this.#list(this.#leader)).filter(({ name }) => name === "");
    for (const { ID } of rest) await this.#patiently(this.#leader, "MemberRemove", { ID });
  }

  async withOneDown(): Promise<void> {
    const down = await this.#idOf(2);
    await this.#cluster.kill(2);
    await sleep(NOTICE_MS);
    await this.#do(this.#leader, "add a voter with one down", "MemberAdd", url(5));
    await this.#do(this.#leader, "add a learner with one down", "MemberAdd", url(5, true));
    for (const index of [0, 1]) {
      await this.#do(this.#leader, "remove one that runs", "MemberRemove", { ID: await this.#idOf(index) });
    }
    await this.#do(this.#other, "remove the one that is down", "MemberRemove", { ID: down });
    await this.#do(this.#other, "remove it again", "MemberRemove", { ID: down });
    const removed = this.#cluster.node(2).spawn();
    await waitUntil(() => removed.exit !== undefined, { what: "a removed member to end itself", timeoutMs: EXIT_MS });
    this.steps.push({ step: "start the removed one", outcome: "it ends itself" });
  }

  /** A member joins as a learner, is promoted by way of a follower, and takes the place of the one that was removed. */
  async joining(program: readonly string[]): Promise<void> {
    const index = await this.#cluster.prepareMember({ program });
    const { name, peerUrl } = this.#cluster.node(index);
    const added = { peerURLs: [peerUrl], isLearner: true };
    const id = await this.#do(this.#leader, "add a learner that starts", "MemberAdd", added);
    const members = await this.#list(this.#leader);
    await this.#cluster.join(index, initialClusterOf(members, { name, peerUrl }));
    const api = new EtcdApi(this.#cluster.node(index).endpoint);
    try {
      const refused = await api.call("KV/Put", { key: Buffer.from("k"), value: Buffer.from("v") });
      this.steps.push({ step: "put at the learner", outcome: refused.ok ? "ok" : refused.message });
      await this.#patiently(this.#other, "MemberPromote", { ID: id });
      this.steps.push({ step: "promote it at a follower", outcome: shape(await this.#list(this.#leader)) });
      await api.must("KV/Put", { key: Buffer.from("k"), value: Buffer.from("v") });
      await this.#patiently(this.#leader, "MemberRemove", { ID: await this.#idOf(this.#other) });
      this.steps.push({ step: "remove a founder", outcome: shape(await this.#list(this.#leader)) });
    } finally {
      api.close();
    }
  }

  /** Finds the leader; member 2 hands over if it is the one. */
  async #settleLeader(): Promise<void> {
    const status = await this.#apis[2]?.must("Maintenance/Status", {});
    if (String(status?.["leader"]) === (await this.#idOf(2))) {
      await this.#apis[2]?.must("Maintenance/MoveLeader", { targetID: await this.#idOf(0) });
    }
    const leader = String((await this.#apis[0]?.must("Maintenance/Status", {}))?.["leader"]);
    this.#leader = leader === (await this.#idOf(1)) ? 1 : 0;
    this.#other = 1 - this.#leader;
  }

  async #list(at: number): Promise<readonly Listed[]> {
    const response = await this.#apis[at]?.must("Cluster/MemberList", { linearizable: true });
    return (response?.["members"] ?? []) as readonly Listed[];
  }

  async #idOf(index: number): Promise<string> {
    const found = (await this.#list(this.#leader)).find(({ name }) => name === this.#cluster.node(index).name);
    return found?.ID ?? "0";
  }

  /** One call, noted; the ID of the member that it added. */
  async #do(at: number, step: string, method: string, request: Message): Promise<string> {
    const outcome = await this.#apis[at]?.call(`Cluster/${method}`, request);
    if (outcome?.ok !== true) {
      this.steps.push({ step, outcome: `${outcome?.code} ${outcome?.message}` });
      return "0";
    }
    const { member, members } = outcome.response as { readonly member?: Listed; readonly members?: readonly Listed[] };
    this.steps.push({ step, outcome: shape(members ?? []) });
    return member?.ID ?? "0";
  }

  /** A call that succeeds once connections have aged, or a learner has caught up. */
  async #patiently(at: number, method: string, request: Message): Promise<void> {
    const deadline = Date.now() + EXIT_MS;
    for (;;) {
      const outcome = await this.#apis[at]?.call(`Cluster/${method}`, request);
      if (outcome?.ok === true) return;
      const isPassing = /unhealthy|in sync/.test(outcome?.message ?? "");
      if (!isPassing || Date.now() > deadline) throw new Error(`${method}: ${outcome?.code} ${outcome?.message}`);
      await sleep(RETRY_MS);
    }
  }
}

/** A member at one of the ports on which nobody listens. */
function url(port: number, isLearner = false): Message {
  return { peerURLs: [`http://127.0.0.1:${port}`], isLearner };
}

/** How many members there are, and of which kind. */
function shape(members: readonly Listed[]): string {
  const learners = members.filter(({ isLearner }) => isLearner).length;
  const unstarted = members.filter(({ name }) => name === "").length;
  return `${members.length} members, ${learners} learners, ${unstarted} unstarted`;
}
