import { type ChildProcess, spawn } from "node:child_process";
import { expect, it } from "@jest/globals";
import { EtcdNode, findPeer, peersAreRequired, requirePeer, waitUntil } from "@quorate/testkit";
import { EtcdClient, prefix, utf8Text } from "../src/index.ts";
import { withServers } from "./support/servers.ts";

/** A running etcdctl and what it has printed. */
class Ctl implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  output = "";

  constructor(endpoint: string, ...args: readonly string[]) {
    const env = { ...process.env, ETCDCTL_API: "3" };
    const program = requirePeer("etcdctl-3.4");
    this.#child = spawn(program, [`--endpoints=${endpoint}`, ...args], { env, stdio: ["ignore", "pipe", "inherit"] });
    this.#child.stdout?.on("data", (data: Buffer) => {
      this.output += data.toString();
    });
    this.#ended = new Promise((resolve) => {
      this.#child.once("exit", () => resolve());
    });
  }

  untilPrinted(text: string): Promise<void> {
    const detail = (): string => this.output;
    return waitUntil(() => this.output.includes(text), { what: `${text} from etcdctl`, timeoutMs: 10_000, detail });
  }

  /** As Ctrl-C: it releases what it holds. */
  async interrupt(): Promise<void> {
    this.#child.kill("SIGINT");
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}

const isHere = findPeer("etcdctl-3.4") !== undefined || peersAreRequired();

(isHere ? withServers : withoutEtcdctl)("locks and elections beside etcdctl", ({ program }) => {
  it("exclude each other, and see each other's leaders", async () => {
    await using node = await EtcdNode.start({ program, medium: "memory" });
    await using client = new EtcdClient({ endpoints: [node.endpoint] });
    await using session = await client.session();
    const lock = client.lock(session, "job");
    await lock.acquire();

    await using ctl = new Ctl(node.endpoint, "lock", "job");
    await waitUntil(async () => (await client.kv.count(prefix("job/"))) === 2, {
      what: "its place",
      timeoutMs: 10_000,
    });
    expect(ctl.output).toBe("");
    await lock.release();
    await ctl.untilPrinted("job/");
    expect(await lock.tryAcquire()).toBe(false);
    const waiting = lock.acquire({ deadlineMs: 10_000 });
    await ctl.interrupt();
    await waiting;

    const election = client.election(session, "post");
    await using candidate = new Ctl(node.endpoint, "elect", "post", "theirs");
    await candidate.untilPrinted("theirs");
    expect(utf8Text((await client.leaderOf("post").leader())?.value ?? new Uint8Array(0))).toBe("theirs");
    const campaign = election.campaign("ours", { deadlineMs: 10_000 });
    await candidate.interrupt();
    await campaign;
    await using listener = new Ctl(node.endpoint, "elect", "--listen", "post");
    await listener.untilPrinted("ours");
  }, 60_000);
});

function withoutEtcdctl(title: string): void {
  it(`${title} needs etcdctl-3.4`, () => {
    process.stderr.write(`left out: ${title}\n`);
    expect(peersAreRequired()).toBe(false);
  });
}
