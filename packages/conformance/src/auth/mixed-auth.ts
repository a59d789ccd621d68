import { EtcdCluster, type MemberOptions, SeededChoice, waitUntil } from "@quorate/testkit";
import { MemberClients } from "../cluster/member-clients.ts";
import { differences } from "../differential/differences.ts";
import { printable } from "../differential/step.ts";
import type { Message } from "../etcd-api.ts";
import type { SuiteReport } from "../suite-report.ts";
import { type Answer, Excuses, restraintsOf } from "./auth-changes.ts";
import { AuthClient } from "./auth-client.ts";
import { AuthGenerator } from "./auth-generator.ts";
import type { AuthStep, Sender } from "./auth-step.ts";
import { AuthWorld, type Names, ROLES, ROOT, USERS } from "./auth-world.ts";
import { hasRawName, RAW_NAMES } from "./raw-names.ts";
import { beginning, ending } from "./scenario.ts";

export interface MixedAuthOptions {
  /** The first one is the server under test. */
  readonly members: readonly MemberOptions[];
  readonly title: string;
  readonly steps: number;
  readonly seed: number;
}

const FAILURES_MAX = 5;
const FLAGS = ["--bcrypt-cost=4", "--snapshot-count=1000"];
/** The server under test need not keep that much. */
const TESTED_FLAGS = ["--snapshot-catchup-entries=500"];
/** etcd keeps 5,000 entries behind its newest snapshot for slow followers. */
const OUTAGE_WRITES = 7000;
const OUTAGE_CONCURRENCY = 64;
/** The server under test keeps 256 MiB for them. */
const OUTAGE_VALUE_BYTES = 40_000;
const CATCH_UP_MS = 20_000;

/** Some of them can be named at members of etcd alone. */
const NAMES: Names = { users: [...USERS, ...RAW_NAMES], roles: [...ROLES, ...RAW_NAMES] };

/** Requests that change nothing, and are answered alike by every member that has applied the same. */
const READS: ReadonlySet<string> = new Set([
  "KV/Range",
  "Lease/LeaseLeases",
  "Lease/LeaseTimeToLive",
  "Watch/Watch",
  "Auth/UserGet",
  "Auth/UserList",
  "Auth/RoleGet",
  "Auth/RoleList",
  "Auth/AuthStatus",
  "Cluster/MemberList",
  "Maintenance/Status",
  "Maintenance/HashKV",
]);

/**
 * Users, roles and permissions in a cluster of different servers: changed at any member, looked at by all. Members come back from an
 * outage with a snapshot of a member of another kind. All members must let the same users do the same, and none may end.
 */
export async function mixedAuthRun(options: MixedAuthOptions): Promise<SuiteReport> {
  const [tested, ...others] = options.members;
  if (tested === undefined) throw new Error("a cluster has members");
  const members = [{ ...tested, flags: [...(tested.flags ?? []), ...TESTED_FLAGS] }, ...others];
  const cluster = await EtcdCluster.start({ members, medium: "memory", flags: FLAGS });
  const clients = new MemberClients(cluster);
  try {
    return await new MixedAuthRun(options, cluster, clients).toEnd();
  } finally {
    clients.close();
    await cluster.close();
  }
}

class MixedAuthRun {
  readonly #options: MixedAuthOptions;
  readonly #cluster: EtcdCluster;
  readonly #members: MemberClients;
  readonly #clients: readonly AuthClient[];
  readonly #choice: SeededChoice;
  readonly #world: AuthWorld;
  readonly #failures: string[] = [];
  #versions: readonly string[] = [];
  #compared = 0;
  #excused = 0;

  constructor(options: MixedAuthOptions, cluster: EtcdCluster, members: MemberClients) {
    this.#options = options;
    this.#cluster = cluster;
    this.#members = members;
    const tokens = new Map<string, string>();
    this.#clients = cluster.nodes.map((_, index) => new AuthClient(members.api(index), tokens));
    this.#choice = new SeededChoice(options.seed);
    this.#world = new AuthWorld(this.#choice, NAMES);
  }

  async toEnd(): Promise<SuiteReport> {
    const started = performance.now();
    try {
      await this.#run();
    } catch (error) {
      this.#failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    const { seed, steps, title } = this.#options;
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    const figure = `${steps} steps, ${this.#compared} answers compared, ${this.#excused} excused, ${seconds} s, seed ${seed}`;
    return { suite: `users in a mixed cluster, ${title}`, figure, failures: this.#failures.slice(0, FAILURES_MAX) };
  }

  async #run(): Promise<void> {
    await this.#members.untilLeader();
    const statuses = await Promise.all(this.#clients.map((_, index) => this.#members.status(index)));
    this.#versions = statuses.map(({ version }) => String(version));
    await this.#clusterVersionIsDecided();
    for (const step of beginning(NAMES)) await this.#perform(step);
    const { steps } = this.#options;
    await this.#randomSteps(Math.ceil(steps / 3));
    for (const member of [0, 1]) {
      await this.#outage(member);
      await this.#randomSteps(Math.ceil(steps / 3));
    }
    for (const step of ending()) await this.#compare(step);
    await this.#disable();
  }

  get #oldestVersion(): string {
    return [...this.#versions].sort((a, b) => a.localeCompare(b, "en", { numeric: true }))[0] ?? "";
  }

  /** Until the members know how old the oldest of them is, they may take it for one that knows tokens by another name. */
  async #clusterVersionIsDecided(): Promise<void> {
    const wanted = this.#oldestVersion.replace(/\.\d+$/, ".0");
    await waitUntil(
      async () => {
        const told = await Promise.all(
          this.#cluster.nodes.map(async ({ endpoint }) => {
            const { etcdcluster } = (await (await fetch(`http://${endpoint}/version`)).json()) as Message;
            return etcdcluster;
          }),
        );
        return told.every((version) => version === wanted);
      },
      { what: `the cluster to be of version ${wanted}`, timeoutMs: CATCH_UP_MS },
    );
  }

  async #randomSteps(count: number): Promise<void> {
    const generator = new AuthGenerator(this.#choice, this.#world, restraintsOf(this.#oldestVersion));
    for (let i = 0; i < count && this.#failures.length < FAILURES_MAX; i++) {
      const step = generator.next();
      if (step.kind !== "login" && READS.has(step.method) && !hasRawName(step)) await this.#compare(step);
      // What is done to single members, or to their number, is not what is tried here.
      else if (step.kind === "login" || !/^(Maintenance|Cluster)\//.test(step.method)) await this.#perform(step);
      if (!this.#world.isEnabled)
        await this.#logInAnew([{ kind: "call", sender: { kind: "nobody" }, method: "Auth/AuthEnable", request: {} }]);
    }
  }

  /** Does a step at any member that may be asked. */
  async #perform(step: AuthStep): Promise<Answer> {
    const answer = (await this.#clientFor(step).perform(step)) as Answer;
    this.#mustAllRun();
    this.#world.observe(step, answer);
    return answer;
  }

  #clientFor(step: AuthStep): AuthClient {
    const any = this.#choice.pick(this.#clients);
    if (hasRangeInTxn(step)) return this.#clients[0] ?? any;
    if (hasRawName(step)) return this.#clients[this.#choice.between(1, 2)] ?? any;
    // How passwords travel changed with 3.5: older members take the newer form for an empty password.
    const isOldCluster = this.#versions.some((version) => version.startsWith("3.4."));
    return isOldCluster && hasPassword(step) ? (this.#clients[this.#choice.between(1, 2)] ?? any) : any;
  }

  /** Asks every member, each when it has caught up with all that was done. */
  async #compare(step: AuthStep): Promise<void> {
    await this.#caughtUp();
    const answers = (await Promise.all(this.#clients.map((client) => client.perform(step)))) as Answer[];
    this.#mustAllRun();
    for (const [index, answer] of answers.entries()) {
      if (index === 0) continue;
      this.#compared += 1;
      const first = answers[0] as Answer;
      const found = differences(withoutMember(answer), withoutMember(first));
      if (found.length === 0) continue;
      const excuse = new Excuses(this.#versions[index] ?? "", this.#versions[0] ?? "").find(step, first, answer);
      if (excuse === undefined) {
        this.#failures.push(`members ${index} | 0: ${JSON.stringify(step, printable)}\n    ${found.join("\n    ")}`);
      } else this.#excused += 1;
    }
  }

  /** A linearizable read at each member: what was acknowledged anywhere is applied there. */
  async #caughtUp(): Promise<void> {
    const read: AuthStep = {
      kind: "call",
      sender: { kind: "user", name: ROOT },
      method: "KV/Range",
      request: { key: Buffer.from("a") },
    };
    await Promise.all(this.#clients.map((client) => client.perform(read)));
  }

  /** Keeps a member away until only a snapshot of another one can catch it up, while users are changed and much is written. */
  async #outage(member: number): Promise<void> {
    const donor = (member + 1) % this.#clients.length;
    await this.#asNobody(() => this.#members.moveLeader(member === 0 ? donor : 0));
    await this.#cluster.kill(member);
    const others = this.#clients.filter((_, index) => index !== member);
    const root: Sender = { kind: "user", name: ROOT };
    for (let i = 0; i < 20; i++) {
      const name = `away${member}x${i}`;
      const steps: readonly AuthStep[] = [
        { kind: "call", sender: root, method: "Auth/UserAdd", request: { name, password: "pw" } },
        { kind: "call", sender: root, method: "Auth/UserGrantRole", request: { user: name, role: "r0" } },
        ...(i % 2 === 0 ? [{ kind: "call", sender: root, method: "Auth/UserDelete", request: { name } } as const] : []),
      ];
      for (const step of steps) await this.#choice.pick(hasPassword(step) ? others.slice(-1) : others).perform(step);
    }
    await this.#writeMuch(others, member === 0 ? 1 : OUTAGE_VALUE_BYTES);
    await this.#cluster.restart(member);
    const { process } = this.#cluster.node(member);
    await waitUntil(() => process.log().includes("applied snapshot"), {
      what: `a snapshot at member ${member}`,
      timeoutMs: CATCH_UP_MS,
    });
    await this.#logInAnew([]);
  }

  async #writeMuch(clients: readonly AuthClient[], valueBytes: number): Promise<void> {
    let left = OUTAGE_WRITES;
    const put: AuthStep = {
      kind: "call",
      sender: { kind: "user", name: ROOT },
      method: "KV/Put",
      request: { key: Buffer.from("a"), value: Buffer.alloc(valueBytes, "much") },
    };
    const lane = async (client: AuthClient): Promise<void> => {
      while (left-- > 0) {
        const answer = (await client.perform(put)) as Answer;
        if (answer.ok !== true) throw new Error(`a put of root was refused: ${answer.message}`);
      }
    };
    await Promise.all(
      Array.from({ length: OUTAGE_CONCURRENCY }, (_, i) => lane(clients[i % clients.length] as AuthClient)),
    );
  }

  /** Moving the leader is root's: for a moment users do not count. */
  async #asNobody(act: () => Promise<void>): Promise<void> {
    await this.#perform({
      kind: "call",
      sender: { kind: "user", name: ROOT },
      method: "Auth/AuthDisable",
      request: {},
    });
    const status: AuthStep = { kind: "call", sender: { kind: "nobody" }, method: "Maintenance/Status", request: {} };
    for (const client of this.#clients) {
      const isTold = async (): Promise<boolean> => ((await client.perform(status)) as Answer).ok === true;
      await waitUntil(isTold, { what: "users not to count at every member", timeoutMs: CATCH_UP_MS });
    }
    await act();
    await this.#logInAnew([{ kind: "call", sender: { kind: "nobody" }, method: "Auth/AuthEnable", request: {} }]);
  }

  /** A member that has started again knows no tokens: all users get new ones. */
  async #logInAnew(before: readonly AuthStep[]): Promise<void> {
    for (const step of before) {
      await waitUntil(async () => (await this.#perform(step)).ok === true, {
        what: "users to count",
        timeoutMs: CATCH_UP_MS,
      });
    }
    await waitUntil(async () => (await this.#perform({ kind: "login", name: ROOT, password: "rpw" })).ok === true, {
      what: "root to log in",
      timeoutMs: CATCH_UP_MS,
    });
    for (const [name, password] of this.#world.passwords) await this.#perform({ kind: "login", name, password });
  }

  /** In the end, at the member under test: everybody may do everything, at every member. */
  async #disable(): Promise<void> {
    const disable: AuthStep = {
      kind: "call",
      sender: { kind: "user", name: ROOT },
      method: "Auth/AuthDisable",
      request: {},
    };
    const disabled = (await this.#clients[0]?.perform(disable)) as Answer;
    if (disabled.ok !== true) this.#failures.push(`disabling: ${disabled.message}`);
    for (const step of ending().slice(1)) {
      await this.#compare(step.kind === "call" ? { ...step, sender: { kind: "nobody" } } : step);
    }
  }

  #mustAllRun(): void {
    for (const [index, node] of this.#cluster.nodes.entries()) {
      const { exit } = node.process;
      if (exit === undefined || exit.signal === "SIGKILL") continue;
      throw new Error(`member ${index} ended (${exit.signal ?? exit.code})\n${node.process.log().slice(-2000)}`);
    }
  }
}

/**
 * Up to 3.6 a member leaves the ranges out of transactions that others proposed, before it looks at permissions: where a range is
 * refused, members of etcd among themselves come to hold different data. Only the server under test refuses it in time.
 */
function hasRangeInTxn(step: AuthStep): boolean {
  if (step.kind !== "call" || step.method !== "KV/Txn") return false;
  const operations = [step.request["success"], step.request["failure"]].flat() as readonly Message[];
  return operations.some((operation) => operation["request_range"] !== undefined);
}

function hasPassword(step: AuthStep): boolean {
  return step.kind === "call" && (step.method === "Auth/UserAdd" || step.method === "Auth/UserChangePassword");
}

/** Whether a member leads is its own. */
function withoutMember(answer: Answer): Answer {
  const { response } = answer;
  return response === undefined ? answer : { ...answer, response: { ...(response as Message), raftIndex: "some" } };
}
