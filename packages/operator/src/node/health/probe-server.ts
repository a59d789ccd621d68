import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What is wrong, by the name of the check; a check that answers undefined passes. */
export type Checks = Readonly<Record<string, () => string | undefined>>;

export interface ProbeServerOptions {
  /** "" for all. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** A failing one means that only a restart helps. */
  readonly live: Checks;
  /** A failing one means: not now. */
  readonly ready: Checks;
  /** The metrics in Prometheus' text form. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

/** Plain HTTP for the kubelet and for Prometheus: `/healthz`, `/readyz`, `/metrics`. Probes answer 200, or 503 with what is wrong. */
export class ProbeServer {
  readonly #options: ProbeServerOptions;
  readonly #server: Server;

  constructor(options: ProbeServerOptions) {
    this.#options = options;
    this.#server = createServer((request, answer) => void this.#answer(request, answer));
    this.#server.headersTimeout = 10_000;
    this.#server.requestTimeout = 10_000;
  }

  /** Resolves to the port it listens on. Rejects as `listen` fails. */
  async listen(): Promise<number> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ port, ...(host === "" ? {} : { host }) }, resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, answer: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? "/", "http://probe").pathname;
    const end = (code: number, text: string, type = "text/plain; charset=utf-8"): void => {
      answer.writeHead(code, { "content-type": type });
      answer.end(request.method === "HEAD" ? undefined : text);
    };
    if (request.method !== "GET" && request.method !== "HEAD") return end(405, "only GET\n");
    if (path === "/healthz" || path === "/livez") return end(...verdict(this.#options.live));
    if (path === "/readyz") return end(...verdict({ ...this.#options.live, ...this.#options.ready }));
    if (path !== "/metrics") return end(404, "there are /healthz, /readyz and /metrics\n");
    try {
      const { contentType, text } = await this.#options.metrics();
      end(200, text, contentType);
    } catch (error) {
      end(500, `${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
}

function verdict(checks: Checks): [number, string] {
  const wrong = Object.entries(checks).flatMap(([name, check]) => {
    const problem = check();
    return problem === undefined ? [] : [`${name}: ${problem}`];
  });
  return wrong.length === 0 ? [200, "ok\n"] : [503, `${wrong.join("\n")}\n`];
}
