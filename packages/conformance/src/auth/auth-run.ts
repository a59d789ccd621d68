import { type EtcdNodeOptions, SeededChoice } from "@quorate/testkit";
import { differences } from "../differential/differences.ts";
import { printable } from "../differential/step.ts";
import { type Answer, Excuses, restraintsOf } from "./auth-changes.ts";
import { AuthGenerator } from "./auth-generator.ts";
import { AuthSide } from "./auth-side.ts";
import type { AuthStep } from "./auth-step.ts";
import { AuthWorld } from "./auth-world.ts";
import { beginning, ending } from "./scenario.ts";

export interface AuthRunOptions {
  readonly seed: number;
  /** (user, request) pairs. */
  readonly pairs: number;
  /** The real etcd. */
  readonly peer: EtcdNodeOptions;
  /** The server under test. */
  readonly target: EtcdNodeOptions;
}

export interface AuthRunResult {
  readonly pairs: number;
  readonly differences: readonly string[];
  /** How often each known change between releases explained a difference. */
  readonly excused: ReadonlyMap<string, number>;
  /** How many pairs ended in which way, such as `KV/Put ok` or `KV/Put etcdserver: permission denied`. */
  readonly coverage: ReadonlyMap<string, number>;
  readonly seconds: number;
}

const DIFFERENCES_MAX = 5;
/** Hashing is not what is compared here. */
const FLAGS = ["--bcrypt-cost=4"];

/** Does the same random requests of random users to both servers, each freshly started, and compares every answer. */
export async function authRun(options: AuthRunOptions): Promise<AuthRunResult> {
  const withFlags = (node: EtcdNodeOptions): EtcdNodeOptions => ({ ...node, flags: [...(node.flags ?? []), ...FLAGS] });
  const [peer, target] = await Promise.all(
    [options.peer, options.target].map((node) => AuthSide.start(withFlags(node))),
  );
  if (peer === undefined || target === undefined) throw new Error("two servers were started");
  try {
    return await new AuthRun(options, peer, target).toEnd();
  } finally {
    await Promise.all([peer.close(), target.close()]);
  }
}

class AuthRun {
  readonly #options: AuthRunOptions;
  readonly #peer: AuthSide;
  readonly #target: AuthSide;
  readonly #world: AuthWorld;
  readonly #generator: AuthGenerator;
  readonly #excuses: Excuses;
  readonly #differences: string[] = [];
  readonly #excused = new Map<string, number>();
  readonly #coverage = new Map<string, number>();

  constructor(options: AuthRunOptions, peer: AuthSide, target: AuthSide) {
    const choice = new SeededChoice(options.seed);
    this.#options = options;
    this.#peer = peer;
    this.#target = target;
    this.#world = new AuthWorld(choice);
    this.#generator = new AuthGenerator(choice, this.#world, restraintsOf(peer.version));
    this.#excuses = new Excuses(peer.version, target.version);
  }

  async toEnd(): Promise<AuthRunResult> {
    const started = performance.now();
    let pairs = 0;
    try {
      for (const step of beginning()) await this.#both(step, "the beginning");
      for (; pairs < this.#options.pairs && this.#differences.length < DIFFERENCES_MAX; pairs++) {
        await this.#both(this.#generator.next(), `pair ${pairs}`);
        if (!this.#world.isEnabled) await this.#enableAgain();
      }
      for (const step of ending()) await this.#both(step, "the end");
    } catch (error) {
      this.#differences.push(`seed ${this.#options.seed}, pair ${pairs}: ${String(error)}`);
    }
    return {
      pairs,
      differences: this.#differences,
      excused: this.#excused,
      coverage: this.#coverage,
      seconds: (performance.now() - started) / 1000,
    };
  }

  /** Without users that count nothing is refused: for a few requests at most. */
  async #enableAgain(): Promise<void> {
    // Without a token: 3.4 looks at those also where users do not count.
    await this.#both(
      { kind: "call", sender: { kind: "nobody" }, method: "Auth/AuthEnable", request: {} },
      "enabling again",
    );
    for (const [name, password] of this.#world.passwords)
      await this.#both({ kind: "login", name, password }, "logging in");
  }

  async #both(step: AuthStep, where: string): Promise<void> {
    const [older, newer] = await Promise.all([this.#peer.perform(step), this.#target.perform(step)]);
    this.#peer.mustBeAlive();
    this.#target.mustBeAlive();
    this.#world.observe(step, newer as Answer);
    this.#count(step, newer as Answer);
    const found = differences(older, newer);
    if (found.length === 0 || this.#isExcused(step, newer as Answer, older as Answer)) return;
    const text = JSON.stringify(step, printable);
    this.#differences.push(`seed ${this.#options.seed}, ${where}: ${text}\n    ${found.join("\n    ")}`);
  }

  #count(step: AuthStep, answer: Answer): void {
    const method = step.kind === "login" ? "login" : step.method;
    const reason = answer.response?.["cancel_reason"];
    const end = answer.ok === true ? (typeof reason === "string" && reason !== "" ? reason : "ok") : answer.message;
    const key = `${method} ${end}`;
    this.#coverage.set(key, (this.#coverage.get(key) ?? 0) + 1);
  }

  #isExcused(step: AuthStep, newer: Answer, older: Answer): boolean {
    const change = this.#excuses.find(step, newer, older);
    if (change === undefined) return false;
    this.#excused.set(change, (this.#excused.get(change) ?? 0) + 1);
    return true;
  }
}
