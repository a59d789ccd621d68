import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { EtcdNode, type EtcdNodeOptions, type MemberPorts, waitUntil } from "@quorate/testkit";
import { type Chance, type CtlScene, type CtlStep, FORMATS, type Format } from "./ctl-step.ts";
import { untilNobodyWatches, untilWatching } from "./open-watchers.ts";
import type { ResidentTool } from "./resident-tool.ts";
import { type Printed, type Tool, ToolProcess } from "./tool-process.ts";

const START_ATTEMPTS_MAX = 20;
const START_PAUSE_MS = 250;
const JOIN_TIMEOUT_MS = 20_000;
const MEMBER_TRIES_MAX = 200;
const UNSYNCED_MS = 200;
/** So that each change is told by itself, not together with the next. */
const BETWEEN_MS = 25;

/** What a call printed, with what the server had made up by chance by then. */
export interface PlayedCall {
  readonly step: CtlStep;
  readonly format: Format;
  readonly printed: Printed;
  /** Ids of leases or members, whichever the scene makes, in hexadecimal. */
  readonly ids: readonly string[];
  /** What `OTHER_URL` stood for. */
  readonly otherUrl: string;
}

export interface ScenePlay {
  readonly target: readonly string[];
  /** The tool whose output is kept. */
  readonly tool: Tool;
  /** Runs the calls that need no process of their own; undefined: each call is a process. */
  readonly resident: ResidentTool | undefined;
  /** etcdctl, for all that is not compared. */
  readonly helper: Tool;
  /** Of a first and a second member. */
  readonly ports: readonly [MemberPorts, MemberPorts];
  /** For files; empty. */
  readonly folder: string;
  /** A file that the other tool's play finds as this one leaves it. */
  readonly snapshot: string;
  /** The version of etcdctl that the scene is played for. */
  readonly etcdctl: string;
  readonly takesLong: boolean;
}

/**
 * Runs the steps of a scene with one tool, on a fresh server. Played twice on the same ports, the two servers have the same addresses
 * and ids, so that what the two tools print can be compared as it is.
 */
export async function playScene(scene: CtlScene, play: ScenePlay): Promise<readonly PlayedCall[]> {
  const [ports] = play.ports;
  const options = { program: play.target, flags: flagsFor(play.target, scene.flags), medium: "memory" } as const;
  await using node = await EtcdNode.prepare(options, ports);
  await started(node);
  await using stage = new Stage(node, play, scene);
  await stage.begin();
  const calls: PlayedCall[] = [];
  for (const step of scene.steps) {
    if (!isPlayed(step, play)) continue;
    for (const format of step.formats ?? FORMATS) calls.push(await stage.call(step, format));
  }
  return calls;
}

/** True for steps that the release of etcdctl has, and that the run has the time for. */
export function isPlayed(step: CtlStep, run: { readonly etcdctl: string; readonly takesLong: boolean }): boolean {
  return (step.long !== true || run.takesLong) && run.etcdctl.startsWith(step.etcdctl ?? "");
}

/** True for the command line of a real etcd. */
export function isRealEtcd([program = ""]: readonly string[]): boolean {
  return /(^|\/)etcd$/.test(program);
}

/** A flag of 3.6, as 3.5 has it where the server is a real etcd. */
function flagsFor(target: readonly string[], flags: readonly string[] = []): readonly string[] {
  if (!isRealEtcd(target)) return flags;
  return flags.map((flag) => flag.replace("--watch-progress", "--experimental-watch-progress"));
}

/** A port that has just been let go may be in use for a moment. */
async function started(node: EtcdNode): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await node.restart();
    } catch (error) {
      if (attempt === START_ATTEMPTS_MAX || !/address already in use/.test(String(error))) throw error;
      await pause(START_PAUSE_MS);
    }
  }
}

class Stage implements AsyncDisposable {
  readonly #node: EtcdNode;
  readonly #play: ScenePlay;
  readonly #chance: Chance | undefined;
  readonly #ids = new Set<string>();
  #member = "";
  #lease = "0";
  #otherUrls = 0;
  #helperErrors = "";
  #joiner: EtcdNode | undefined;

  constructor(node: EtcdNode, play: ScenePlay, scene: CtlScene) {
    this.#node = node;
    this.#play = play;
    this.#chance = scene.chance;
  }

  async begin(): Promise<void> {
    [this.#member = ""] = await this.#members();
  }

  async call(step: CtlStep, format: Format): Promise<PlayedCall> {
    rmSync(join(this.#play.folder, "file"), { recursive: true, force: true });
    // A URL that was taken away cannot be added again in the same second.
    this.#otherUrls += 1;
    if (step.joins === true) await this.#join();
    for (const args of step.before ?? []) await this.#prepare(args, format);
    const words = await this.#words(step.args, format);
    const args = [`--endpoints=${this.#node.endpoint}`, ...(format === "simple" ? [] : ["-w", format]), ...words];
    const printed = await this.#run(step, args, format);
    if (step.args[1] === "grant") this.#lease = grantedLease(printed.output) ?? this.#lease;
    if (step.during === undefined) await this.#learn(printed);
    const otherUrl = this.#otherUrl;
    for (const args of step.after ?? []) await this.#help(args, format);
    return { step, format, printed, ids: [...this.#ids], otherUrl };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#joiner?.close();
  }

  /** A port that nobody listens on. */
  get #otherUrl(): string {
    return `http://127.0.0.1:${this.#otherUrls}`;
  }

  async #run(step: CtlStep, args: readonly string[], format: Format): Promise<Printed> {
    const { tool, resident } = this.#play;
    if (resident !== undefined && step.during === undefined && step.alone !== true && step.long !== true)
      return await resident.call(args, step.stdin);
    const input = step.stdin === undefined ? undefined : { text: step.stdin, holds: step.holdsInput === true };
    if ((step.during ?? []).length > 0) await untilNobodyWatches(this.#node);
    const child = new ToolProcess(tool, args, input);
    if (step.during === undefined) return await child.finish(step.long === true ? LONG_TIMEOUT_MS : undefined);
    try {
      await this.#meanwhile(step, step.during, child, format);
    } catch (error) {
      await child.end("SIGKILL");
      throw error;
    }
    return await child.end(step.end ?? "SIGKILL");
  }

  /** What goes on while a command runs, until it has told of all of it. */
  async #meanwhile(
    step: CtlStep,
    during: readonly (readonly string[])[],
    child: ToolProcess,
    format: Format,
  ): Promise<void> {
    if (during.length > 0) await untilWatching(this.#node);
    // etcd takes a while to bring a watch of the past up to date, and sends all in one that happens until then.
    if (step.args.some((word) => word.startsWith("--rev"))) await pause(UNSYNCED_MS);
    for (const words of during) {
      await pause(BETWEEN_MS);
      await this.#help(words, format);
    }
    if (step.until === undefined) await child.untilQuiet(step.long === true ? LONG_TIMEOUT_MS : undefined);
    else await this.#untilPrinted(step.until, format);
    await this.#learn();
  }

  async #untilPrinted(until: Exclude<CtlStep["until"], undefined>, format: Format): Promise<void> {
    const printed = async (): Promise<boolean> => (await this.#help(until.args, format)).includes(until.prints);
    await waitUntil(printed, {
      what: `${until.args.join(" ")}: ${until.prints}`,
      timeoutMs: JOIN_TIMEOUT_MS,
      everyMs: 50,
    });
  }

  /** A member is added again until its id comes last, since members are listed in the order of their ids. */
  async #prepare(args: readonly string[], format: Format): Promise<void> {
    if (args.includes("SNAPSHOT") && existsSync(this.#play.snapshot)) return;
    await this.#help(args, format);
    if (args[0] !== "member" || args[1] !== "add") return;
    const member = BigInt(`0x${this.#member}`);
    for (let tries = 0; tries < MEMBER_TRIES_MAX && BigInt(`0x${await this.#added()}`) < member; tries++) {
      this.#otherUrls += 1;
      await this.#help(["member", "remove", "ADDED"]);
      await this.#help(args, format);
    }
  }

  /** Runs etcdctl and answers what it printed. */
  async #help(args: readonly string[], format: Format = "simple"): Promise<string> {
    const words = [`--endpoints=${this.#node.endpoint}`, ...(await this.#words(args, format))];
    const { output, errors } = await new ToolProcess(this.#play.helper, words).finish();
    if (args[1] === "grant") this.#lease = grantedLease(output) ?? this.#lease;
    this.#helperErrors = errors;
    return output;
  }

  async #words(args: readonly string[], format: Format): Promise<readonly string[]> {
    const added = args.some((word) => /ADDED|FOLLOWER/.test(word)) ? await this.#added() : "";
    const follower = args.includes("FOLLOWER") ? await this.#follower(added) : "";
    return args.map((word) =>
      word
        .replace("LEASE", this.#lease)
        .replace("FOLLOWER", follower)
        .replace("ADDED", added)
        .replace("MEMBER", this.#member)
        .replace("OTHER_URL", this.#otherUrl)
        .replace("PEER_URL", this.#node.peerUrl)
        .replace("JOINER_URL", `http://127.0.0.1:${this.#play.ports[1].peer}`)
        .replace("ENDPOINTS", `${this.#node.endpoint},127.0.0.1:${this.#play.ports[1].client}`)
        .replace("ENDPOINT", this.#node.endpoint)
        .replace("FORMAT", format)
        .replace("FILE", join(this.#play.folder, "file"))
        .replace("SNAPSHOT", this.#play.snapshot),
    );
  }

  /** Asks for what the server has made up, so that it is known in output. */
  async #learn(printed?: Printed): Promise<void> {
    if (this.#chance === "leases") {
      // Of a lock that is gone again.
      for (const [, id = ""] of printed?.output.matchAll(/^name\/([0-9a-f]{14,16}) /gm) ?? []) this.#ids.add(id);
      const listed = await this.#help(["lease", "list"]);
      for (const [id] of listed.matchAll(/^[0-9a-f]{16}$/gm)) this.#ids.add(id);
      if (this.#lease !== "0") this.#ids.add(this.#lease);
    }
    if (this.#chance === "members") await this.#added();
  }

  async #members(): Promise<readonly string[]> {
    const listed = await this.#help(["member", "list"]);
    return listed.split("\n").map((line) => line.split(",", 1)[0] ?? "");
  }

  /** The member that is not the first one, or the one that was last. */
  async #added(): Promise<string> {
    const added = (await this.#members()).find((id) => id !== "" && id !== this.#member);
    if (added !== undefined) {
      this.#ids.delete(added);
      this.#ids.add(added);
    }
    return [...this.#ids].at(-1) ?? "";
  }

  async #follower(added: string): Promise<string> {
    const status = await this.#help(["endpoint", "status"]);
    const [, , , , isLeader] = status.split(", ");
    return isLeader === "true" ? added : this.#member;
  }

  async #join(): Promise<void> {
    const joined = (await this.#members()).find((id) => id !== "" && id !== this.#member);
    if (joined !== undefined) await this.#help(["member", "remove", joined]);
    await this.#joiner?.close();
    this.#joiner = undefined;
    // Its id is made of the URL and the second, and an id that was taken away cannot come again.
    const isAdded = async (): Promise<boolean> =>
      (await this.#help(["member", "add", "m2", "--learner", "--peer-urls=JOINER_URL"])).startsWith("Member ");
    const detail = (): string => this.#helperErrors;
    await waitUntil(isAdded, { what: "a second member", timeoutMs: JOIN_TIMEOUT_MS, everyMs: 200, detail });
    const [, ports] = this.#play.ports;
    const initialCluster = `n1=${this.#node.peerUrl},m2=http://127.0.0.1:${ports.peer}`;
    const options: EtcdNodeOptions = {
      program: this.#play.target,
      medium: "memory",
      name: "m2",
      bootstrap: () => ({ initialCluster, state: "existing" }),
    };
    this.#joiner = await EtcdNode.prepare(options, ports);
    await started(this.#joiner);
    await this.#untilStarted();
  }

  /** A learner is in sync soon after it has told its name. */
  async #untilStarted(): Promise<void> {
    const isListed = async (): Promise<boolean> => /, started, m2, /.test(await this.#help(["member", "list"]));
    await waitUntil(isListed, { what: "a member that has joined", timeoutMs: JOIN_TIMEOUT_MS, everyMs: 50 });
  }
}

const LONG_TIMEOUT_MS = 300_000;

function grantedLease(output: string): string | undefined {
  const hex = /lease ([0-9a-f]+) granted with TTL\(\d+s\)\n$/.exec(output)?.[1];
  const decimal = /"ID"(?::| : )(\d+)/.exec(output)?.[1];
  if (hex !== undefined) return hex;
  return decimal === undefined ? undefined : BigInt(decimal).toString(16);
}
