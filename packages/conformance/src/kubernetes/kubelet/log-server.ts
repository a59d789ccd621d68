import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { IssuedPair } from "@quorate/testkit";
import type { ContainerRunner } from "./container-runner.ts";

/** Finds a container of a running Pod. */
export type FindRunner = (namespace: string, pod: string, container: string) => ContainerRunner | undefined;

const FOLLOW_MS = 200;

/** The part of a kubelet's API by which `kubectl logs` works; exec, attach and port-forward are not there. */
export class LogServer {
  readonly #server: Server;
  readonly #find: FindRunner;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(pair: IssuedPair, find: FindRunner) {
    this.#find = find;
    this.#server = createServer({ cert: pair.certificate, key: pair.key }, (request, response) => {
      this.#answer(request, response);
    });
  }

  /** The port on which it listens. */
  async listen(host: string): Promise<number> {
    return await new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(0, host, () => {
        const address = this.#server.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#server.closeAllConnections();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "/", "https://kubelet");
    const [, what, namespace = "", pod = "", container = ""] = url.pathname.split("/");
    const runner = what === "containerLogs" ? this.#find(namespace, pod, container) : undefined;
    if (runner === undefined) {
      response.writeHead(404).end(`container ${container} of ${namespace}/${pod} is not here\n`);
      return;
    }
    const file = runner.logFile(url.searchParams.get("previous") === "true");
    const text = read(file);
    const tail = url.searchParams.get("tailLines");
    response.writeHead(200, { "content-type": "text/plain" });
    response.write(tail === null ? text : lastLines(text, Number(tail)));
    if (url.searchParams.get("follow") === "true") this.#follow(response, runner, file, text.length);
    else response.end();
  }

  #follow(response: ServerResponse, runner: ContainerRunner, file: string, from: number): void {
    let told = from;
    const timer = setInterval(() => {
      const over = runner.pid === undefined;
      const text = read(file);
      response.write(text.slice(told));
      told = text.length;
      if (over) response.end();
    }, FOLLOW_MS);
    this.#timers.add(timer);
    response.on("close", () => {
      clearInterval(timer);
      this.#timers.delete(timer);
    });
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function lastLines(text: string, count: number): string {
  const lines = text.split("\n");
  return lines.slice(Math.max(0, lines.length - 1 - count)).join("\n");
}
