import { createHash } from "node:crypto";
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { AwsV4Signer } from "aws4fetch";
import { keyInBucket, type S3Destination } from "../../../core/index.ts";
import { AgentError, messageOf } from "./agent-error.ts";
import { type Pace, retrying, STORE_RETRIES } from "./retrying.ts";
import type { CredentialSource } from "./s3-credentials.ts";
import { xmlText } from "./s3-xml.ts";

export interface S3ClientConfig {
  readonly destination: S3Destination;
  readonly credentials: CredentialSource;
  /** PEM; what the store's certificate is checked by instead of what Node.js trusts. */
  readonly ca?: string;
  readonly pace: Pace;
  /** Ends every request. */
  readonly signal?: AbortSignal;
}

/** A request to the bucket. */
export interface S3Request {
  readonly method: "GET" | "PUT" | "POST" | "DELETE" | "HEAD";
  /** Of an object, relative to the destination; absent: the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

export interface S3Answer {
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

/** What the store said no with. Its `code` is S3's, such as `NoSuchKey`; empty where it gave none. */
export class S3Refusal extends Error {
  override readonly name = "S3Refusal";
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** A connection on which nothing moves for this long is given up. */
const SILENCE_MS = 60_000;
/** Answers other than objects: lists of 1,000 keys at most. */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;
const SOCKETS_MAX = 8;
const EMPTY = new Uint8Array(0);
const CODES_TO_RETRY: ReadonlySet<string> = new Set([
  "InternalError",
  "OperationAborted",
  "RequestTimeout",
  "RequestTimeTooSkewed",
  "ServiceUnavailable",
  "SlowDown",
  "Throttling",
]);

/** Signed requests to one bucket of an S3-compatible store. Bodies are whole parts, so that a request can be sent again. */
export class S3Client {
  readonly #config: S3ClientConfig;
  readonly #base: URL;
  readonly #agent: HttpAgent | HttpsAgent;

  constructor(config: S3ClientConfig) {
    this.#config = config;
    this.#base = bucketUrl(config.destination);
    const options = { keepAlive: true, maxSockets: SOCKETS_MAX };
    this.#agent =
      this.#base.protocol === "https:"
        ? new HttpsAgent({ ...options, ...(config.ca === undefined ? {} : { ca: config.ca }) })
        : new HttpAgent(options);
  }

  /** For messages. */
  get place(): string {
    return this.#base.href;
  }

  /** Rejects with {@link S3Refusal} for answers that are no success, and with {@link AgentError} if no answer came at all. */
  async send(request: S3Request): Promise<S3Answer> {
    return this.#retrying(async () => {
      const response = await this.#open(request);
      return { headers: response.headers, text: await textOf(response) };
    });
  }

  /** As `send`, for an object's bytes; only opening it is tried again. */
  async open(request: S3Request): Promise<IncomingMessage> {
    return this.#retrying(() => this.#open(request));
  }

  close(): void {
    this.#agent.destroy();
  }

  async #retrying<T>(act: () => Promise<T>): Promise<T> {
    const { pace, signal } = this.#config;
    try {
      return await retrying(act, {
        pace,
        policy: STORE_RETRIES,
        canRetry: canTryAgain,
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (error) {
      if (isRefusal(error) || (error as Error).name === "AgentError") throw error;
      const message = `${this.place} cannot be reached: ${messageOf(error)}`;
      throw new AgentError(signal?.aborted === true ? "Timeout" : "DestinationUnreachable", message, { cause: error });
    }
  }

  async #open({ method, key, query = {}, headers = {}, body = EMPTY }: S3Request): Promise<IncomingMessage> {
    const url = new URL(this.#base);
    if (key !== undefined) url.pathname = joinPath(url.pathname, keyInBucket(this.#config.destination, key));
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const signed = await this.#sign(method, url, headers, body);
    const response = await this.#exchange(method, signed.url, signed.headers, body);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    const text = await textOf(response);
    const code = xmlText(text, "Code") ?? "";
    const message = xmlText(text, "Message") ?? response.statusMessage ?? "";
    throw new S3Refusal(status, code, `${this.place} answered ${status}${code === "" ? "" : ` ${code}`}: ${message}`);
  }

  async #sign(
    method: string,
    url: URL,
    extra: Readonly<Record<string, string>>,
    body: Uint8Array,
  ): Promise<{ readonly url: URL; readonly headers: Record<string, string> }> {
    const headers: Record<string, string> = {
      ...extra,
      "x-amz-content-sha256": createHash("sha256").update(body).digest("hex"),
    };
    const credentials = await this.#config.credentials();
    if (credentials === undefined) return { url, headers };
    const { accessKeyId, secretAccessKey, sessionToken } = credentials;
    const signer = new AwsV4Signer({
      method,
      url: url.href,
      headers,
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      service: "s3",
      region: this.#config.destination.region,
    });
    const signed = await signer.sign();
    return { url: signed.url, headers: Object.fromEntries(signed.headers) };
  }

  #exchange(method: string, url: URL, headers: Record<string, string>, body: Uint8Array): Promise<IncomingMessage> {
    const { signal } = this.#config;
    return new Promise((resolve, reject) => {
      const send = url.protocol === "https:" ? httpsRequest : httpRequest;
      const length = method === "GET" || method === "HEAD" ? {} : { "content-length": String(body.length) };
      const request: ClientRequest = send(url, {
        method,
        agent: this.#agent,
        headers: { ...headers, ...length },
        timeout: SILENCE_MS,
        ...(signal === undefined ? {} : { signal }),
      });
      request.on("timeout", () => request.destroy(new Error(`no answer for ${SILENCE_MS / 1000} s`)));
      request.on("error", reject);
      request.on("response", resolve);
      request.end(body);
    });
  }
}

/** Whether an error is what a store said no with. */
export function isRefusal(error: unknown): error is S3Refusal {
  return (error as { readonly name?: unknown } | null)?.name === "S3Refusal";
}

/** The refusal as a failure of the agent's work. */
export function refusalAsFailure(error: unknown): unknown {
  if (!isRefusal(error)) return error;
  const isForbidden = error.status === 401 || error.status === 403;
  const isMissing = error.status === 404;
  // A bucket that is not there is a mistake in the destination just as a wrong key is; trying again helps neither.
  return new AgentError(isForbidden || isMissing ? "DestinationForbidden" : "DestinationUnreachable", error.message, {
    cause: error,
  });
}

function canTryAgain(error: unknown): boolean {
  if (!isRefusal(error)) return (error as Error).name !== "AgentError";
  return (error.status >= 500 && error.status !== 501) || error.status === 429 || CODES_TO_RETRY.has(error.code);
}

function bucketUrl({ endpoint, region, bucket, pathStyle }: S3Destination): URL {
  const url = new URL(endpoint ?? `https://s3.${region}.amazonaws.com`);
  if (pathStyle) url.pathname = joinPath(url.pathname, bucket);
  else url.hostname = `${bucket}.${url.hostname}`;
  return url;
}

function joinPath(folder: string, rest: string): string {
  return `${folder.replace(/\/+$/, "")}/${rest.split("/").map(encodeURIComponent).join("/")}`;
}

async function textOf(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > ANSWER_BYTES_MAX) throw new Error("the answer is too large");
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}
