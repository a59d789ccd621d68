import type { ClientReadableStream } from "@grpc/grpc-js";
import { EtcdNode, waitUntil } from "@quorate/testkit";
import { canonicalHeader } from "../differential/canonical.ts";
import { EtcdApi, type Message, type Outcome, type PendingCall } from "../etcd-api.ts";

const SETTLE_MS = 15_000;
/** Longer than any run. */
const CALL_DEADLINE_MS = 600_000;

/** A call that may have to wait for its turn. */
interface Waiting {
  readonly step: number;
  readonly name: string;
  readonly key: string;
  readonly isCampaign: boolean;
  /** What a campaign writes into its key. */
  readonly value: string | undefined;
  readonly call: PendingCall;
  /** Revision at which its key was created; undefined until it is known to be there. */
  revision: number | undefined;
  /** Whether its key was there when last looked at; others may have deleted it. */
  isThere: boolean;
  outcome: Outcome | undefined;
  isCancelled: boolean;
}

/** A key that stands for somebody who wants a lock, or to lead. */
export interface Candidate {
  readonly key: string;
  readonly revision: number;
  readonly value: string;
  readonly modRevision: number;
}

/** What a step came to. */
export interface Settled {
  readonly text: string;
  readonly candidates: readonly Candidate[];
}

/** One server that is taken through the steps: what its calls come to, in words that two servers must agree in. */
export class RecipeSide implements AsyncDisposable {
  readonly #node: EtcdNode;
  readonly #api: EtcdApi;
  readonly #waiting: Waiting[] = [];
  readonly #observed = new Map<string, string[]>();
  readonly #streams: ClientReadableStream<Message>[] = [];

  private constructor(node: EtcdNode, api: EtcdApi) {
    this.#node = node;
    this.#api = api;
  }

  static async start(program: readonly string[]): Promise<RecipeSide> {
    const node = await EtcdNode.start({ program, medium: "memory" });
    const api = new EtcdApi(node.endpoint);
    await api.ready();
    return new RecipeSide(node, api);
  }

  /** Calls of this step that still wait, by the step that began them. */
  get waitingSteps(): readonly Pick<Waiting, "step" | "key" | "isCampaign" | "isThere">[] {
    return this.#waiting;
  }

  /** Follows the leaders of an election from now on. */
  observe(name: string): void {
    const words: string[] = [];
    this.#observed.set(name, words);
    const stream = this.#api.serverStream("v3electionpb.Election/Observe", { name: Buffer.from(name) });
    stream.on("error", (error) => words.push(`ended: ${error.message}`));
    stream.on("end", () => words.push("ended"));
    stream.on("data", ({ header, kv }: Message) => words.push(describe({ header, kv })));
    this.#streams.push(stream);
  }

  /** What observers have been told, in order. */
  get observations(): string {
    return JSON.stringify([...this.#observed]);
  }

  /** A call that is answered at once. */
  async ask(method: string, request: Message): Promise<string> {
    const outcome = await this.#api.call(method, request);
    return `${method} ${told(outcome)}`;
  }

  /** A call that may wait; `settled` tells of its end. */
  begin(step: number, method: string, request: Message, name: string, key: string): void {
    const waiting: Waiting = {
      step,
      name,
      key,
      isCampaign: method.endsWith("Campaign"),
      value: request["value"] === undefined ? undefined : String(request["value"] as Buffer),
      call: this.#api.begin(method, request, CALL_DEADLINE_MS),
      revision: undefined,
      isThere: false,
      outcome: undefined,
      isCancelled: false,
    };
    this.#waiting.push(waiting);
    void waiting.call.outcome.then((outcome) => {
      waiting.outcome = outcome;
    });
  }

  /** Gives up the call that step `step` began. */
  giveUp(step: number): void {
    const waiting = this.#waiting.find((each) => each.step === step);
    if (waiting === undefined) throw new Error(`no call of step ${step} waits`);
    waiting.isCancelled = true;
    waiting.call.cancel();
  }

  /**
   * Waits until every call whose turn it is has been answered and observers know the leader; what calls were answered, and the
   * candidates as they are then.
   */
  async settled(names: readonly string[]): Promise<Settled> {
    let candidates = new Map<string, readonly Candidate[]>();
    await waitUntil(
      async () => {
        const answered = this.#answered().length;
        const all = await this.#candidates();
        // Read before the answer, the candidates may lack what it brought.
        if (this.#answered().length !== answered) return false;
        candidates = new Map(names.map((name) => [name, all.filter(({ key }) => key.startsWith(`${name}/`))]));
        return (
          this.#waiting.every((each) => isSettled(each, candidates.get(each.name) ?? [])) && this.#areToldOf(candidates)
        );
      },
      {
        what: "the calls whose turn it is",
        timeoutMs: SETTLE_MS,
        everyMs: 3,
        detail: () =>
          JSON.stringify([
            this.#waiting.map(({ step, key, revision }) => ({ step, key, revision })),
            [...candidates],
            this.observations,
          ]),
      },
    );
    const answered = this.#answered();
    for (const each of answered) this.#waiting.splice(this.#waiting.indexOf(each), 1);
    const texts = answered.map(({ outcome, step }) => `${step}: ${outcome === undefined ? "" : told(outcome)}`);
    return { text: JSON.stringify([texts, [...candidates]]), candidates: [...candidates.values()].flat() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { call } of this.#waiting) call.cancel();
    for (const stream of this.#streams) stream.cancel();
    this.#api.close();
    await this.#node.close();
  }

  #answered(): readonly Waiting[] {
    return this.#waiting.filter(({ outcome }) => outcome !== undefined);
  }

  /** All of them in one look, first come first. */
  async #candidates(): Promise<readonly Candidate[]> {
    const { kvs } = await this.#api.must("KV/Range", {
      key: Buffer.from([0]),
      range_end: Buffer.from([0]),
      sort_target: "CREATE",
      sort_order: "ASCEND",
    });
    return (kvs as readonly Record<string, Buffer | string>[]).map((kv) => ({
      key: String(kv["key"]),
      revision: Number(kv["create_revision"]),
      value: String(kv["value"]),
      modRevision: Number(kv["mod_revision"]),
    }));
  }

  /** Whether every observer of an election that has a leader was told its newest word last. */
  #areToldOf(candidates: ReadonlyMap<string, readonly Candidate[]>): boolean {
    return [...this.#observed].every(([name, words]) => {
      const first = candidates.get(name)?.[0];
      return (
        first === undefined || words.at(-1)?.includes(`"${first.key}=${first.value}@${first.modRevision}"`) === true
      );
    });
  }
}

/** Whether nothing more happens to a call while the candidates stay as they are. */
function isSettled(waiting: Waiting, candidates: readonly Candidate[]): boolean {
  const own = candidates.find(({ key }) => key === waiting.key);
  waiting.isThere = own !== undefined;
  if (waiting.isCancelled) {
    // The key goes away with the call that was given up, and not at the same moment; a candidate leaves one alone that was made anew.
    const isOthers = waiting.isCampaign && own?.revision !== waiting.revision;
    return waiting.outcome !== undefined && (own === undefined || isOthers);
  }
  if (waiting.outcome !== undefined) return true;
  // A campaign on a key that its lease has already writes its own word there before it waits.
  if (waiting.value === undefined || own?.value === waiting.value) waiting.revision ??= own?.revision;
  const { revision } = waiting;
  return revision !== undefined && candidates.some((each) => each.revision < revision);
}

function told(outcome: Outcome): string {
  return outcome.ok ? describe(outcome.response) : `${outcome.code} ${outcome.message}`;
}

/** A response with its bytes as text, and without what differs from server to server. */
function describe(response: Message): string {
  const { kv, header, ...rest } = response;
  const pair = kv as Record<string, Buffer | string> | null | undefined;
  return JSON.stringify(
    {
      ...rest,
      ...(header == null ? { header } : { header: canonicalHeader(header as Message) }),
      ...(pair == null
        ? {}
        : {
            kv: `${String(pair["key"])}=${String(pair["value"])}@${String(pair["mod_revision"])}`,
            lease: pair["lease"],
            created: pair["create_revision"],
            version: pair["version"],
          }),
    },
    (_, value: unknown) => (isBytes(value) ? Buffer.from(value.data).toString("latin1") : value),
  );
}

/** What JSON.stringify makes of a Buffer before its replacer sees it. */
function isBytes(value: unknown): value is { readonly type: "Buffer"; readonly data: readonly number[] } {
  return typeof value === "object" && value !== null && (value as { readonly type?: unknown }).type === "Buffer";
}
