import { setTimeout as sleep } from "node:timers/promises";
import { SeededChoice } from "@quorate/testkit";
import { EtcdApi, type Message, type Outcome } from "../etcd-api.ts";
import type { Call } from "./call.ts";
import type { KeySource } from "./key-source.ts";
import type { KeyInput, KeyOutput, KeyState } from "./operation.ts";

/** Longer than any server may take, so that whoever reaches it was left without an answer. */
export const CLIENT_DEADLINE_MS = 20_000;
const CALLS_AT_ONE_MEMBER = 60;
const THINK_MS_MAX = 40;
/** After a broken connection; the channel tries again after 50 to 200 ms. */
const AFTER_FAILURE_MS = 100;
const UNAVAILABLE = 14;

interface Plan {
  readonly key: string;
  readonly input: KeyInput;
  readonly also: readonly string[];
  readonly serializable: boolean;
}

/**
 * One client: sends one request after the other to one member, moves to another member now and then, and notes each call.
 * It holds a connection a member, so that each answer is known to be that member's own.
 */
export class LoadClient {
  readonly #client: number;
  readonly #apis: readonly EtcdApi[];
  readonly #keys: KeySource;
  readonly #record: (call: Call) => void;
  readonly #choice: SeededChoice;
  /** The last version seen of a key, to swap it; forgotten with the key. */
  readonly #versions = new Map<string, number>();
  readonly #finished: Promise<void>;
  #sequence = 0;
  #stopped = false;

  constructor(
    client: number,
    endpoints: readonly string[],
    keys: KeySource,
    seed: number,
    record: (call: Call) => void,
  ) {
    this.#client = client;
    this.#apis = endpoints.map((endpoint) => new EtcdApi(endpoint));
    this.#keys = keys;
    this.#record = record;
    this.#choice = new SeededChoice(seed);
    this.#finished = this.#work();
  }

  /** Sends nothing more and resolves when the call under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#finished;
    for (const api of this.#apis) api.close();
  }

  async #work(): Promise<void> {
    let member = this.#client % this.#apis.length;
    for (let count = 1; !this.#stopped; count++) {
      const call = await this.#once(member);
      this.#record(call);
      this.#learn(call);
      if (call.failure?.code === UNAVAILABLE) await sleep(AFTER_FAILURE_MS);
      else await sleep(this.#choice.between(0, THINK_MS_MAX));
      if (count % CALLS_AT_ONE_MEMBER === 0) member = this.#choice.below(this.#apis.length);
    }
  }

  async #once(member: number): Promise<Call> {
    const api = this.#apis[member];
    if (api === undefined) throw new Error(`no member ${member}`);
    const plan = this.#draw();
    const [method, request] = requestOf(plan);
    const called = performance.now();
    const outcome = await api.call(method, request, CLIENT_DEADLINE_MS);
    return callOf(this.#client, member, plan, called, outcome);
  }

  #draw(): Plan {
    const key = this.#keys.next();
    const value = `${this.#client}:${this.#sequence++}`;
    const plan = { key, also: [], serializable: false };
    switch (this.#choice.weighted({ get: 5, local: 3, put: 4, cas: 4, delete: 1, pair: 1 })) {
      case "get":
        return { ...plan, input: { kind: "get" } };
      case "local":
        return { ...plan, input: { kind: "get" }, serializable: true };
      case "put":
        return { ...plan, input: { kind: "put", value } };
      case "cas":
        return { ...plan, input: { kind: "cas", version: this.#versions.get(key) ?? 0, value } };
      case "delete":
        return { ...plan, input: { kind: "delete" } };
      case "pair":
        return { ...plan, also: [`twin/${this.#client}`], input: { kind: "put", value } };
    }
  }

  #learn(call: Call): void {
    const { key, output } = call;
    if (this.#versions.size > VERSIONS_MAX) this.#versions.clear();
    if (output === undefined) return;
    if (output.kind === "get") this.#versions.set(key, output.found?.version ?? 0);
    if (output.kind === "delete") this.#versions.set(key, 0);
    if (output.kind === "cas" && !output.succeeded) this.#versions.set(key, output.found?.version ?? 0);
    if (output.kind === "cas" && output.succeeded) this.#versions.set(key, (this.#versions.get(key) ?? 0) + 1);
  }
}

const VERSIONS_MAX = 100;

function requestOf(plan: Plan): [string, Message] {
  const key = Buffer.from(plan.key);
  const { input } = plan;
  switch (input.kind) {
    case "get":
      return ["KV/Range", { key, serializable: plan.serializable }];
    case "delete":
      return ["KV/DeleteRange", { key }];
    case "put": {
      const value = Buffer.from(input.value);
      if (plan.also.length === 0) return ["KV/Put", { key, value }];
      const puts = [plan.key, ...plan.also].map((each) => ({ request_put: { key: Buffer.from(each), value } }));
      return ["KV/Txn", { success: puts }];
    }
    case "cas":
      return [
        "KV/Txn",
        {
          compare: [{ key, target: "VERSION", result: "EQUAL", version: String(input.version) }],
          success: [{ request_put: { key, value: Buffer.from(input.value) } }],
          failure: [{ request_range: { key } }],
        },
      ];
  }
}

function callOf(client: number, member: number, plan: Plan, called: number, outcome: Outcome): Call {
  const ended = performance.now();
  const basis = { client, member, called, ended, ...plan };
  if (!outcome.ok) {
    const failure = { code: outcome.code, message: outcome.message };
    return { ...basis, returned: Number.POSITIVE_INFINITY, output: undefined, revision: undefined, failure };
  }
  const revision = Number((outcome.response["header"] as Message)["revision"]);
  return { ...basis, returned: ended, output: outputOf(plan.input, outcome.response), revision, failure: undefined };
}

function outputOf(input: KeyInput, response: Message): KeyOutput {
  switch (input.kind) {
    case "get":
      return { kind: "get", found: foundIn(response) };
    case "put":
      return { kind: "put" };
    case "delete":
      return { kind: "delete", deleted: response["deleted"] !== "0" };
    case "cas": {
      if (response["succeeded"] === true) return { kind: "cas", succeeded: true };
      const [first] = response["responses"] as readonly Message[];
      return { kind: "cas", succeeded: false, found: foundIn(first?.["response_range"] as Message) };
    }
  }
}

function foundIn(range: Message): KeyState | undefined {
  const [kv] = range["kvs"] as readonly { value: Buffer; version: string }[];
  return kv === undefined ? undefined : { value: kv.value.toString(), version: Number(kv.version) };
}
