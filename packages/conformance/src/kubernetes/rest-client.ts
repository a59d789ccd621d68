import type { ClientRequest } from "node:http";
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
  };
  readonly data?: Readonly<Record<string, string>>;
  readonly items?: readonly KubernetesObject[];
  readonly message?: string;
  readonly code?: number;
}

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

/** Talks JSON to an API server on loopback, over few connections. */
export class RestClient {
  readonly #port: number;
  readonly #token: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16, rejectUnauthorized: false });

  constructor(port: number, token: string) {
    this.#port = port;
    this.#token = token;
  }

  /** One request. Rejects when no answer comes; a refusal is an answer with its status. */
  call(method: string, path: string, body?: KubernetesObject): Promise<RestAnswer> {
    return new Promise((resolve, reject) => {
      const call = this.#request(method, path);
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
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** Watches a collection from a resource version on. */
  watch(path: string, resourceVersion: string): RestWatch {
    const changes: WatchedChange[] = [];
    const state = { changes, ended: false, close: (): void => void call.destroy() };
    const call = this.#request("GET", `${path}?watch=true&resourceVersion=${resourceVersion}&timeoutSeconds=600`);
    const end = (): void => {
      state.ended = true;
    };
    call.on("error", end);
    call.on("response", (response) => {
      let rest = "";
      response.on("data", (chunk: Buffer) => {
        const lines = (rest + chunk.toString()).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) changes.push(JSON.parse(line) as WatchedChange);
      });
      response.on("error", end);
      response.on("close", end);
    });
    call.end();
    return state;
  }

  close(): void {
    this.#agent.destroy();
  }

  #request(method: string, path: string): ClientRequest {
    return request({
      host: "127.0.0.1",
      port: this.#port,
      method,
      path,
      agent: this.#agent,
      headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json" },
    });
  }
}

function parse(text: string): KubernetesObject {
  try {
    return JSON.parse(text) as KubernetesObject;
  } catch {
    return { message: text };
  }
}
