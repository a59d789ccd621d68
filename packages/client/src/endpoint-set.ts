import { onAbort } from "./abort-listener.ts";
import type { ClientConfig } from "./client-options.ts";
import { Endpoint } from "./endpoint.ts";
import { abortedError, closedError, EtcdError } from "./etcd-error.ts";
import { GrpcStatus } from "./grpc-status.ts";
import { deadlineError, type TimeLimit } from "./time-limit.ts";

/**
 * The endpoints of a client. Calls go round the connected ones; those that failed a moment ago come last. All are connected
 * to from the first call on, so that losing one costs no wait.
 */
export class EndpointSet {
  readonly #config: ClientConfig;
  #members: readonly Endpoint[];
  /** Endpoints outside the list that calls were sent to by name. */
  readonly #others = new Map<string, Endpoint>();
  /** Taken off the list; calls may still run on them. */
  #retired: Endpoint[] = [];
  readonly #waiters = new Set<() => void>();
  #turn = 0;
  #closed = false;

  constructor(config: ClientConfig) {
    this.#config = config;
    this.#members = config.endpoints.map((text) => this.#open(text));
  }

  get texts(): readonly string[] {
    return this.#members.map((endpoint) => endpoint.text);
  }

  get count(): number {
    return this.#members.length;
  }

  /** Changes the list; endpoints that stay keep their connections. Throws TypeError, changing nothing, for a wrong one. */
  replace(texts: readonly string[]): void {
    if (texts.length === 0) throw new TypeError("endpoints is empty");
    const known = new Map([...this.#others, ...this.#members.map((member) => [member.text, member] as const)]);
    const members = [...new Set(texts)].map((text) => known.get(text) ?? this.#open(text));
    this.#retired = this.#retired.filter((endpoint) => endpoint.calls.size > 0);
    const gone = this.#members.filter((member) => !members.includes(member));
    for (const member of members) this.#others.delete(member.text);
    this.#members = members;
    for (const member of gone) member.retire();
    this.#retired.push(...gone);
    this.#notify();
  }

  /**
   * A connected endpoint: the one called `text`, or the next in turn, if possible not `avoid`. Waits for a connection as long
   * as the dial timeout and `limit` allow. Rejects with `unreachable`, `deadlineExceeded`, `aborted` or `closed`.
   */
  async acquire(limit: TimeLimit, text?: string, avoid?: Endpoint): Promise<Endpoint> {
    if (this.#closed) throw closedError("client");
    if (limit.signal?.aborted === true) throw abortedError(limit.signal);
    const choice = (): readonly Endpoint[] => (text === undefined ? this.#members : [this.#named(text)]);
    return this.#next(choice(), avoid) ?? (await this.#wait(choice, limit));
  }

  /** Lets others be preferred to this endpoint for a while. */
  noteFailure(text: string): void {
    for (const endpoint of this.#members) if (endpoint.text === text) endpoint.noteFailure();
  }

  /** Ends every connection and every wait for one. */
  close(): void {
    this.#closed = true;
    for (const endpoint of [...this.#members, ...this.#others.values(), ...this.#retired]) endpoint.close();
    this.#notify();
  }

  #next(candidates: readonly Endpoint[], avoid: Endpoint | undefined): Endpoint | undefined {
    let second: Endpoint | undefined;
    const first = this.#turn++;
    for (let i = 0; i < candidates.length; i++) {
      const endpoint = candidates[(first + i) % candidates.length];
      if (endpoint === undefined) continue;
      if (!endpoint.isReady) endpoint.connect();
      else if (endpoint !== avoid && !endpoint.isCooling) return endpoint;
      else if (second === undefined || second === avoid) second = endpoint;
    }
    return second;
  }

  #wait(choice: () => readonly Endpoint[], limit: TimeLimit): Promise<Endpoint> {
    const dialMs = this.#config.dialTimeoutMs;
    return new Promise((resolve, reject) => {
      const finish = (act: () => void): void => {
        clearTimeout(timer);
        this.#waiters.delete(look);
        stopListening();
        act();
      };
      const look = (): void => {
        const { signal } = limit;
        if (this.#closed) finish(() => reject(closedError("client")));
        else if (signal?.aborted === true) finish(() => reject(abortedError(signal)));
        else {
          const endpoint = this.#next(choice(), undefined);
          if (endpoint !== undefined) finish(() => resolve(endpoint));
        }
      };
      const over = (): void => {
        const late = limit.leftMs <= 1 && limit.leftMs < dialMs;
        const why = late ? this.#late(choice()) : this.#unreachable(choice(), dialMs);
        finish(() => void why.then(reject, reject));
      };
      const timer = setTimeout(over, Math.min(dialMs, limit.leftMs));
      this.#waiters.add(look);
      const stopListening = onAbort(limit.signal, look);
    });
  }

  async #unreachable(endpoints: readonly Endpoint[], dialMs: number): Promise<EtcdError> {
    const reasons = await this.#reasons(endpoints);
    return new EtcdError({
      code: "unreachable",
      grpcCode: GrpcStatus.UNAVAILABLE,
      message: `no endpoint could be reached in ${dialMs} ms: ${reasons}`,
      endpoint: endpoints.length === 1 ? endpoints[0]?.text : undefined,
    });
  }

  async #late(endpoints: readonly Endpoint[]): Promise<EtcdError> {
    const cause = new Error(`no endpoint was connected: ${await this.#reasons(endpoints)}`);
    const { code, grpcCode, message } = deadlineError();
    return new EtcdError({ code, grpcCode, message, cause });
  }

  async #reasons(endpoints: readonly Endpoint[]): Promise<string> {
    const parts = endpoints.map(async (endpoint) => `${endpoint.text}: ${await endpoint.reason()}`);
    return (await Promise.all(parts)).join(", ");
  }

  #named(text: string): Endpoint {
    const member = this.#members.find((endpoint) => endpoint.text === text) ?? this.#others.get(text);
    if (member !== undefined) return member;
    const endpoint = this.#open(text);
    this.#others.set(text, endpoint);
    return endpoint;
  }

  #open(text: string): Endpoint {
    return new Endpoint(text, this.#config, () => this.#notify());
  }

  #notify(): void {
    // One that is served leaves the set, which an iteration of a set allows.
    for (const look of this.#waiters) look();
  }
}
