import { EtcdNode, type EtcdNodeOptions, waitUntil } from "@quorate/testkit";
import { EtcdApi, type Message, type Outcome } from "../etcd-api.ts";
import { canonicalHeader, canonicalResponse } from "./canonical.ts";
import { KeepAliveSession } from "./keep-alive-session.ts";
import { printable, type Step } from "./step.ts";
import { WATCH_STREAMS } from "./step-generator.ts";
import { type WatchEvent, WatchSession } from "./watch-session.ts";

const HISTORY_WATCH = "1";
const PROGRESS_TRIES = 20;
const PROGRESS_WAIT_MS = 250;

/** What a step came to on one server, in the form that is compared. */
export type StepOutcome = unknown;

/** One of the two servers: its process, its connection, its watch streams and the history it has told so far. */
export class Side {
  readonly node: EtcdNode;
  #api: EtcdApi;
  #version = "";
  #sessions: WatchSession[] = [];
  #keepAlive: KeepAliveSession;
  #historySession: WatchSession;
  /** Every event since revision 1, as a watch of all keys told it. */
  readonly history: WatchEvent[] = [];

  private constructor(node: EtcdNode) {
    this.node = node;
    this.#api = new EtcdApi(node.endpoint);
    this.#keepAlive = new KeepAliveSession(this.#api);
    this.#historySession = new WatchSession(this.#api);
  }

  static async start(options: EtcdNodeOptions): Promise<Side> {
    const side = new Side(await EtcdNode.start(options));
    await side.#open(1);
    return side;
  }

  /** What `Status` says. */
  get version(): string {
    return this.#version;
  }

  /** Stops the server, starts it on its data and opens everything anew; history goes on after `revision`. */
  async restart(revision: number): Promise<void> {
    this.#closeStreams();
    await this.node.terminate();
    await this.node.restart();
    this.#api = new EtcdApi(this.node.endpoint);
    this.#keepAlive = new KeepAliveSession(this.#api);
    this.#historySession = new WatchSession(this.#api);
    await this.#open(revision + 1);
  }

  async close(): Promise<void> {
    this.#closeStreams();
    await this.node.close();
  }

  session(stream: number): WatchSession {
    const session = this.#sessions[stream];
    if (session === undefined) throw new Error(`no watch stream ${stream}`);
    return session;
  }

  /** Throws, with the end of its log, when the server's process has ended; `during` says what was being done. */
  mustBeAlive(during: string): void {
    const { exit } = this.node.process;
    if (exit === undefined) return;
    throw new Error(
      `${this.#version} ended (${exit.signal ?? exit.code}) during ${during}\n${this.node.process.log().slice(-2000)}`,
    );
  }

  /** Waits until the history has reached `revision`. */
  async untilHistory(revision: number): Promise<void> {
    const arrived = this.#historySession.events(HISTORY_WATCH);
    await waitUntil(
      () => {
        this.history.push(...arrived.splice(0));
        return Number(this.history.at(-1)?.kv.mod_revision ?? 1) >= revision;
      },
      { what: `the events up to revision ${revision}`, timeoutMs: 20_000, everyMs: 1 },
    );
  }

  /** Sentences about answers on any watch stream that break the delivery rules. */
  breaches(): readonly string[] {
    return [this.#historySession, ...this.#sessions].flatMap((session) => [
      ...session.breaches.splice(0),
      ...session.takeUnexpected().map((answer) => `an answer nobody asked for: ${JSON.stringify(answer, printable)}`),
    ]);
  }

  /** Does one step; `settle` and `restart` are the runner's. */
  async perform(step: Step, compactRevision: number): Promise<StepOutcome> {
    switch (step.kind) {
      case "call":
        return canonicalOutcome(step.method, step.request, await this.#api.call(step.method, step.request));
      case "raw": {
        const outcome = await this.#api.raw(step.path, step.bytes);
        if (outcome.ok) return { ok: true };
        return step.codeOnly ? { ok: false, code: outcome.code } : outcome;
      }
      case "sequence":
        return await this.#sequence(step.calls);
      case "keep-alive":
        return canonicalResponse("Lease/LeaseKeepAlive", {}, await this.#keepAlive.renew(step.id));
      case "watch":
        return await this.#watch(this.session(step.stream), step.request, compactRevision);
      case "cancel-watch": {
        const session = this.session(step.stream);
        session.send({ cancel_request: { watch_id: step.watchId } });
        return canonicalControl(await session.control());
      }
      case "progress":
        return await this.#progress(this.session(step.stream));
      case "new-stream":
        this.session(step.stream).close();
        this.#sessions[step.stream] = new WatchSession(this.#api);
        return {};
      default:
        throw new Error(`a side does not do '${step.kind}'`);
    }
  }

  async #open(historyFrom: number): Promise<void> {
    await this.#api.ready();
    // A server may accept calls a moment before it has all of its capabilities.
    await waitUntil(async () => (await this.#api.call("KV/Range", { key: Buffer.from("ready") })).ok, {
      what: `an answer from ${this.node.endpoint}`,
      timeoutMs: 10_000,
    });
    this.#version = String((await this.#api.must("Maintenance/Status", {}))["version"]);
    const everything = { key: Buffer.from([0]), range_end: Buffer.from([0]) };
    this.#historySession.send({
      create_request: { ...everything, start_revision: String(historyFrom), prev_kv: true, watch_id: HISTORY_WATCH },
    });
    await this.#historySession.control();
    this.#sessions = Array.from({ length: WATCH_STREAMS }, () => new WatchSession(this.#api));
  }

  #closeStreams(): void {
    for (const session of this.#sessions) session.close();
    this.#historySession.close();
    this.#keepAlive.close();
    this.#api.close();
  }

  async #sequence(calls: readonly { method: string; request: Message }[]): Promise<StepOutcome> {
    const outcomes: StepOutcome[] = [];
    let granted = "0";
    for (const { method, request } of calls) {
      const chosen = request["ID"] === "$granted";
      const outcome = await this.#api.call(method, chosen ? { ...request, ID: granted } : request);
      if (outcome.ok && method === "Lease/LeaseGrant") granted = String(outcome.response["ID"]);
      const canonical = canonicalOutcome(method, request, outcome);
      outcomes.push(chosen || request["ID"] === undefined ? withoutId(canonical) : canonical);
    }
    return outcomes;
  }

  async #watch(session: WatchSession, request: Message, compactRevision: number): Promise<StepOutcome> {
    session.send({ create_request: request });
    const created = await session.control();
    const start = Number(request["start_revision"]);
    const gone = created["canceled"] !== true && start > 0 && start < compactRevision;
    return [created, ...(gone ? [await session.control()] : [])].map(canonicalControl);
  }

  /** Servers drop a progress request while a watcher catches up, so it is repeated until it is answered. */
  async #progress(session: WatchSession): Promise<StepOutcome> {
    for (let tries = 0; tries < PROGRESS_TRIES; tries++) {
      const answer = await session.progress(PROGRESS_WAIT_MS).catch(() => undefined);
      if (answer !== undefined) return canonicalControl(answer);
    }
    return "no progress answer";
  }
}

function canonicalOutcome(method: string, request: Message, outcome: Outcome): StepOutcome {
  if (!outcome.ok) return outcome;
  return { ok: true, response: canonicalResponse(method, request, outcome.response) };
}

function canonicalControl(response: Message): Message {
  return { ...response, header: response["header"] == null ? null : canonicalHeader(response["header"] as Message) };
}

function withoutId(outcome: StepOutcome): StepOutcome {
  const { ok, response } = outcome as { ok: boolean; response?: Message };
  return ok ? { ok, response: { ...response, ID: response?.["ID"] === "0" ? "unset" : "set" } } : outcome;
}
