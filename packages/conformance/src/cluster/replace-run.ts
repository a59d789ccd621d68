import { EtcdCluster, initialClusterOf, type ListedMember, waitUntil } from "@quorate/testkit";
import { checkHistory, readHistory, readState, stateOf } from "../durability/history.ts";
import { Journal, JournaledLoad } from "../durability/journal.ts";
import type { Message } from "../etcd-api.ts";
import { Checks, type SuiteReport } from "../suite-report.ts";
import { checkpoint } from "./checkpoint.ts";
import { MemberClients } from "./member-clients.ts";
import { findErrors } from "./member-log.ts";

export interface ReplaceOptions {
  /** The command line of the founding members, and of those that take their places. */
  readonly from: readonly string[];
  readonly to: readonly string[];
  /** How many are replaced, and then, with `back`, replaced by `from` again. */
  readonly replaced: number;
  readonly back: boolean;
  readonly title: string;
  readonly seed: number;
  readonly progress?: (line: string) => void;
}

const MEMBERS = 3;
const WORKERS = 8;
const STEP_TIMEOUT_MS = 60_000;
const END_TIMEOUT_MS = 15_000;
const FINDINGS_MAX = 10;
/** Log and snapshots of a size at which a new member cannot simply be sent everything from the first entry. */
const FLAGS: readonly string[] = ["--snapshot-count=1000"];
const FILL_WRITES = 8000;
/** The election timeout of etcd by default is 1 s, drawn up to twice that; the rest is the vote and a busy machine. */
const GAP_MS_MAX = 3000;

/**
 * Replaces the members of a cluster one after the other while clients write without a pause: a new member is added as a
 * learner, started, promoted once it is in sync, made the leader when the old one was, and the old one removed. At the end
 * every acknowledged write is there at its own revision, and the members hold the same and list only each other.
 */
export async function replaceRun(options: ReplaceOptions): Promise<SuiteReport> {
  const cluster = await EtcdCluster.start({
    members: Array.from({ length: MEMBERS }, () => ({ program: options.from })),
    medium: "memory",
    flags: FLAGS,
  });
  const run = new ReplaceRun(options, cluster);
  try {
    return await run.toEnd();
  } finally {
    await run.close();
  }
}

class ReplaceRun {
  readonly #options: ReplaceOptions;
  readonly #cluster: EtcdCluster;
  readonly #clients: MemberClients;
  readonly #journal = new Journal();
  readonly #checks = new Checks();
  readonly #load: JournaledLoad;
  readonly #replacedBy: number[] = [];
  /** The members now, by index; the load goes to these. */
  #members: readonly number[] = Array.from({ length: MEMBERS }, (_, index) => index);

  constructor(options: ReplaceOptions, cluster: EtcdCluster) {
    this.#options = options;
    this.#cluster = cluster;
    this.#clients = new MemberClients(cluster);
    let turn = 0;
    const api = (worker: number): ReturnType<MemberClients["api"]> =>
      this.#clients.api(this.#members[(worker + turn++) % this.#members.length] ?? 0);
    this.#load = new JournaledLoad({ api, goesOn: true }, this.#journal, options.seed, WORKERS);
  }

  async toEnd(): Promise<SuiteReport> {
    const started = performance.now();
    const { from, to, replaced, back } = this.#options;
    await this.#checks.run("replacing", async () => {
      await this.#untilWritten(FILL_WRITES);
      for (let i = 0; i < replaced; i++) this.#replacedBy.push(await this.#replace(i, to));
      if (back) for (const index of this.#replacedBy) await this.#replace(index, from);
      await this.#untilWritten(this.#journal.entries.size + 500);
    });
    const gap = this.#load.longestGapMs;
    await this.#load.stop();
    this.#checks.that("the longest time without an acknowledged write", gap <= GAP_MS_MAX, `was ${gap.toFixed(0)} ms`);
    await this.#checks.run("at the end", () => this.#compare());
    this.#readLogs();
    const seconds = (performance.now() - started) / 1000;
    return {
      suite: `replacing members, ${this.#options.title}`,
      figure:
        `${this.#cluster.nodes.length - MEMBERS} members replaced, ${this.#journal.acknowledged} acknowledged writes of ` +
        `${this.#journal.entries.size} sent, longest gap ${gap.toFixed(0)} ms, ${seconds.toFixed(0)} s, seed ${this.#options.seed}`,
      failures: this.#checks.failures,
    };
  }

  async close(): Promise<void> {
    await this.#load.stop();
    this.#clients.close();
    await this.#cluster.close();
  }

  /** Puts a new member in the place of `old` and gives its index. */
  async #replace(old: number, program: readonly string[]): Promise<number> {
    const index = await this.#cluster.prepareMember({ program });
    const node = this.#cluster.node(index);
    const added = await this.#patiently("MemberAdd", { peerURLs: [node.peerUrl], isLearner: true });
    const id = (added["member"] as Message)["ID"];
    this.#tell(`member ${index} added as a learner`);
    await this.#cluster.join(index, initialClusterOf(added["members"] as unknown as readonly ListedMember[], node));
    this.#tell(`member ${index} serves`);
    await this.#patiently("MemberPromote", { ID: id });
    this.#tell(`member ${index} promoted`);
    this.#members = [...this.#members.filter((member) => member !== old), index];
    const oldId = await this.#clients.id(old);
    if ((await this.#clients.leader()) === old) {
      await this.#clients.moveLeader(index);
      this.#tell(`member ${index} leads instead of ${old}`);
    }
    await this.#patiently("MemberRemove", { ID: oldId });
    const exit = await this.#cluster.node(old).process.untilExit(END_TIMEOUT_MS);
    this.#checks.that(`member ${old}, removed,`, exit.signal === null, `ended by ${exit.signal}`);
    this.#tell(`member ${old} removed, ended with code ${exit.code}`);
    return index;
  }

  /** A cluster call by any member that stays, repeated while the cluster does not count as healthy or in sync. */
  async #patiently(method: string, request: Message): Promise<Message> {
    return await this.#clients.patiently(`Cluster/${method}`, request, this.#members, STEP_TIMEOUT_MS);
  }

  async #untilWritten(count: number): Promise<void> {
    await waitUntil(() => this.#journal.entries.size >= count, {
      what: `${count} writes`,
      timeoutMs: STEP_TIMEOUT_MS,
      everyMs: 20,
    });
  }

  async #compare(): Promise<void> {
    const [first = 0] = this.#members;
    const api = this.#clients.api(first);
    const history = await readHistory(api);
    for (const problem of checkHistory(history, this.#journal).slice(0, FINDINGS_MAX))
      this.#checks.that(problem, false);
    const [held, told] = [await readState(api), stateOf(history)];
    this.#checks.equal("the keys held and those that the history ends with", held, told);
    const { failures } = await checkpoint(this.#clients, this.#members);
    for (const failure of failures) this.#checks.that(failure, false);
    const list = await api.must("Cluster/MemberList", {});
    const listed = (list["members"] as readonly { name: string; peerURLs: readonly string[]; isLearner: boolean }[])
      .map((member) => `${member.name} ${member.peerURLs.join()} ${member.isLearner}`)
      .sort();
    const expected = this.#members.map((member) => {
      const node = this.#cluster.node(member);
      return `${node.name} ${node.peerUrl} false`;
    });
    this.#checks.equal("members listed", listed, expected.sort());
  }

  #readLogs(): void {
    for (const [index, node] of this.#cluster.nodes.entries()) {
      for (const { line, count } of findErrors(node.wholeLog()).slice(0, FINDINGS_MAX))
        this.#checks.that(`log of member ${index}, ${count} times: ${line}`, false);
    }
  }

  #tell(line: string): void {
    this.#options.progress?.(`${line}; longest gap ${this.#load.longestGapMs.toFixed(0)} ms`);
  }
}
