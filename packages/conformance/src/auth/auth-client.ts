import { withTimeout } from "@quorate/testkit";
import { canonicalHeader, canonicalResponse } from "../differential/canonical.ts";
import { type CallMetadata, type EtcdApi, encodeRequest, type Message, type Outcome } from "../etcd-api.ts";
import type { AuthStep, Sender } from "./auth-step.ts";
import { withRawNames } from "./raw-names.ts";

const STREAM_MS = 10_000;

/** A connection to a server and the tokens that users were given, which may be shared by connections to members of one cluster. */
export class AuthClient {
  readonly api: EtcdApi;
  readonly #tokens: Map<string, string>;

  constructor(api: EtcdApi, tokens: Map<string, string>) {
    this.api = api;
    this.#tokens = tokens;
  }

  /** Does one step, and gives what it came to in the form that is compared. */
  async perform(step: AuthStep): Promise<unknown> {
    switch (step.kind) {
      case "call": {
        const outcome = await this.#call(step.method, step.request, this.#metadata(step.sender));
        return canonicalOutcome(step.method, step.request, outcome);
      }
      case "stream":
        return await this.#firstAnswer(step.method, step.request, this.#metadata(step.sender));
      default:
        return await this.#login(step.name, step.password);
    }
  }

  #call(method: string, request: Message, metadata: CallMetadata = {}): Promise<Outcome> {
    return this.api.callEncoded(method, withRawNames(request, encodeRequest(method, request)), metadata);
  }

  async #login(name: string, password: string): Promise<unknown> {
    const outcome = await this.#call("Auth/Authenticate", { name, password });
    if (!outcome.ok) return outcome;
    const token = String(outcome.response["token"]);
    this.#tokens.set(name, token);
    // Random, but for its form.
    return { ok: true, token: token.replace(/[a-zA-Z]/g, "x").replace(/\.\d+$/, ".n") };
  }

  #metadata(sender: Sender): CallMetadata {
    if (sender.kind === "nobody") return {};
    const token = sender.kind === "user" ? this.#tokens.get(sender.name) : sender.token;
    return token === undefined ? {} : { token };
  }

  /** The first answer on a stream of its own, or how the stream ended instead. */
  async #firstAnswer(method: string, request: Message, metadata: CallMetadata): Promise<unknown> {
    const stream = this.api.duplex(method, metadata);
    const first = new Promise<unknown>((resolve) => {
      stream.on("data", (response: Message) => resolve({ ok: true, response: canonicalFirst(response) }));
      stream.on("error", (error: Error & { readonly code?: number; readonly details?: string }) =>
        resolve({ ok: false, code: error.code, message: error.details }),
      );
      stream.on("end", () => resolve("ended"));
    });
    stream.write(request);
    try {
      return await withTimeout(first, { what: `an answer to ${method}`, timeoutMs: STREAM_MS });
    } finally {
      stream.cancel();
    }
  }
}

function canonicalFirst(response: Message): Message {
  return { ...response, header: canonicalHeader(response["header"] as Message) };
}

function canonicalOutcome(method: string, request: Message, outcome: Outcome): unknown {
  if (!outcome.ok) return outcome;
  const response = canonicalResponse(method, request, outcome.response);
  // Servers are asked a moment apart.
  if (method === "Lease/LeaseTimeToLive") return { ok: true, response: withoutSeconds(response) };
  // Of the whole backend, which is another engine, and has nothing on disk in the beginning.
  if (method === "Maintenance/Hash") return { ok: true, response: { ...response, hash: "some" } };
  if (method === "Maintenance/Status")
    return { ok: true, response: { ...response, dbSize: "some", dbSizeInUse: "some" } };
  return { ok: true, response };
}

function withoutSeconds(response: Message): Message {
  const seconds = Number(response["TTL"]);
  return { ...response, TTL: seconds > 0 ? "some" : response["TTL"] };
}
