import type { ClientRequest, IncomingMessage } from "node:http";
import { Agent, request } from "node:https";

export interface RestAnswer {
  readonly status: number;
  readonly body: KubernetesObject;
}

/** The parts of a Kubernetes object that the suite looks at. */
export interface KubernetesObject {
  readonly kind?: string;
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly resourceVersion?: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly uid?: string;
    readonly deletionTimestamp?: string;
  };
  readonly data?: Readonly<Record<string, string>>;
  readonly items?: readonly KubernetesObject[];
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
}

/** How a PATCH is merged: field by field; or lists too, by the keys that the API declares. */
export type MergeKind = "merge" | "strategic-merge";

export interface WatchedChange {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: KubernetesObject;
}

/** A watch whose changes are collected until it is closed. */
export interface RestWatch {
  readonly changes: readonly WatchedChange[];
  /** True once the server has ended the stream or the connection has failed. */
  readonly ended: boolean;
  close(): void;
}

const TIMEOUT_MS = 30_000;

/** Talks JSON to an API server on loopback, over few connections; each watch has one of its own. */
export class RestClient {
  readonly #port: number;
  readonly #token: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16, rejectUnauthorized: false });

  constructor(port: number, token: string) {
    this.#port = port;
    this.#token = token;
  }

  /** One request. Rejects when no answer comes; a refusal is an answer with its status. */
  call(method: string, path: string, body?: object): Promise<RestAnswer> {
    return this.#call(method, path, "application/json", body);
  }

  /** Changes parts of an object. Rejects when no answer comes; a refusal is an answer with its status. */
  patch(path: string, body: object, kind: MergeKind = "merge"): Promise<RestAnswer> {
    return this.#call("PATCH", path, `application/${kind}-patch+json`, body);
  }

  /**
   * Watches a collection from a resource version on and calls `change` for each line that the server sends. Resolves when
   * the stream has ended, for whatever reason.
   */
  async follow(path: string, change: (change: WatchedChange) => void, signal: AbortSignal): Promise<void> {
    const call = this.#request("GET", path, "application/json", false);
    const abort = (): void => void call.destroy();
    signal.addEventListener("abort", abort, { once: true });
    await new Promise<void>((resolve) => {
      call.on("error", () => resolve());
      call.on("close", () => resolve());
      call.on("response", (response) => {
        response.on("error", () => resolve());
        eachLine(response, (line) => change(JSON.parse(line) as WatchedChange));
      });
      call.end();
      if (signal.aborted) abort();
    });
    signal.removeEventListener("abort", abort);
  }

  #call(method: string, path: string, contentType: string, body: object | undefined): Promise<RestAnswer> {
    return new Promise((resolve, reject) => {
      const call = this.#request(method, path, contentType);
      call.on("error", reject);
      call.setTimeout(TIMEOUT_MS, () => call.destroy(new Error(`${method} ${path}: no answer in ${TIMEOUT_MS} ms`)));
      call.on("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, body: parse(text) });
        });
      });
      const text = body === undefined ? "" : JSON.stringify(body);
      // Node.js does not tell the length of a DELETE's body by itself.
      if (text !== "") call.setHeader("content-length", Buffer.byteLength(text));
      call.end(text);
    });
  }

  /** Watches a collection from a resource version on. */
  watch(path: string, resourceVersion: string): RestWatch {
    const changes: WatchedChange[] = [];
    const state = { changes, ended: false, close: (): void => void call.destroy() };
    const query = `watch=true&resourceVersion=${resourceVersion}&timeoutSeconds=600`;
    const call = this.#request("GET", `${path}?${query}`, "application/json", false);
    const end = (): void => {
      state.ended = true;
    };
    call.on("error", end);
    call.on("response", (response) => {
      eachLine(response, (line) => changes.push(JSON.parse(line) as WatchedChange));
      response.on("error", end);
      response.on("close", end);
    });
    call.end();
    return state;
  }

  close(): void {
    this.#agent.destroy();
  }

  #request(method: string, path: string, contentType: string, pooled = true): ClientRequest {
    return request({
      host: "127.0.0.1",
      port: this.#port,
      method,
      path,
      agent: pooled ? this.#agent : false,
      rejectUnauthorized: false,
      headers: { authorization: `Bearer ${this.#token}`, "content-type": contentType },
    });
  }
}

function eachLine(response: IncomingMessage, take: (line: string) => void): void {
  let rest = "";
  response.setEncoding("utf8");
  response.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(line);
  });
}

function parse(text: string): KubernetesObject {
  try {
    return JSON.parse(text) as KubernetesObject;
  } catch {
    return { message: text };
  }
}
