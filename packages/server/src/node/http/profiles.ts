import type { ServerResponse } from "node:http";
import type { Session } from "node:inspector";
import type { Logger } from "@quorate/base";
import { onlyGet, sendError, sendJson, sendNotFound, sendText } from "./respond.ts";

const SECONDS_DEFAULT = 30;
const SECONDS_MAX = 300;
const INDEX = `profiles, for the profiling panel of a Chromium browser:

/debug/pprof/profile?seconds=30  CPU profile; save it as .cpuprofile
/debug/pprof/heap                heap snapshot; save it as .heapsnapshot (stops the server while it is taken)
/debug/pprof/cmdline             the command line
`;

/** `/debug/pprof/*`, one profile at a time. What etcd has in Go's format is here in V8's. */
export class Profiles {
  readonly #logger: Logger;
  #busy = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  serve(name: string, method: string | undefined, query: URLSearchParams, response: ServerResponse): void {
    if (!onlyGet(method, response)) return;
    if (name === "") {
      sendText(response, 200, INDEX, true);
    } else if (name === "cmdline") {
      sendText(response, 200, process.argv.slice(1).join("\0"), true);
    } else if (name !== "profile" && name !== "heap") {
      sendNotFound(response);
    } else if (this.#busy) {
      sendError(response, 503, "another profile is being taken");
    } else {
      this.#busy = true;
      const taken = name === "heap" ? streamHeap(response) : cpuProfile(seconds(query), response);
      taken
        .catch((error: unknown) => {
          this.#logger.warn("profile failed", { profile: name, error });
          if (response.headersSent) response.destroy();
          else sendError(response, 500, "profile failed");
        })
        .finally(() => {
          this.#busy = false;
        });
    }
  }
}

function seconds(query: URLSearchParams): number {
  const asked = Number(query.get("seconds") ?? SECONDS_DEFAULT);
  return asked > 0 && asked <= SECONDS_MAX ? asked : SECONDS_DEFAULT;
}

async function cpuProfile(durationSeconds: number, response: ServerResponse): Promise<void> {
  const inspector = await import("node:inspector");
  const session = new inspector.Session();
  session.connect();
  try {
    await post(session, "Profiler.enable");
    await post(session, "Profiler.start");
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, durationSeconds * 1000);
      response.once("close", () => {
        clearTimeout(timer);
        resolve();
      });
    });
    const result = await post(session, "Profiler.stop");
    sendJson(response, JSON.stringify(result["profile"]));
  } finally {
    session.disconnect();
  }
}

function post(session: Session, method: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    session.post(method, (error: Error | null, result?: object) => {
      if (error === null) resolve((result ?? {}) as Record<string, unknown>);
      else reject(error);
    });
  });
}

async function streamHeap(response: ServerResponse): Promise<void> {
  const { getHeapSnapshot } = await import("node:v8");
  const { pipeline } = await import("node:stream/promises");
  response.statusCode = 200;
  response.setHeader("Content-Type", "application/json");
  await pipeline(getHeapSnapshot(), response);
}
