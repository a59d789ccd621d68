import type { ClientRequest } from "node:http";
import { errorText } from "./peer-dialer.ts";
import type { PeerLink } from "./peer-link.ts";

export const PROBE_INTERVAL_MS = 4000;
const PROBE_TIMEOUT_MS = 5000;
/** Clocks that differ by more are worth a line. */
const CLOCK_DRIFT_MAX_MS = 1000;
/** A peer that stays silent is not reported with every probe. */
const REPORT_INTERVAL_MS = 30_000;
const ANSWER_BYTES_MAX = 4096;

/** Asks a peer now and then how long an answer takes and what time it has. Peer protocol page, section 8. */
export class Prober {
  readonly #link: PeerLink;
  readonly #wallMs: () => number;
  #request: ClientRequest | undefined;
  #reportedAt = Number.NEGATIVE_INFINITY;
  #roundTripMs: number | undefined;
  #clockDriftMs: number | undefined;

  /** `wallMs` is the time of day in milliseconds since 1970. */
  constructor(link: PeerLink, wallMs: () => number) {
    this.#link = link;
    this.#wallMs = wallMs;
  }

  /** Of the newest answered probe. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** How much the peer's clock is behind ours; negative if it is ahead. Half a round trip is allowed for. */
  get clockDriftMs(): number | undefined {
    return this.#clockDriftMs;
  }

  /** Sends one probe, unless the last one is still on its way. */
  probe(): void {
    if (this.#request !== undefined) return;
    const { dialer, urls, nowMs } = this.#link;
    const startedAt = nowMs();
    const request = dialer.request(urls.pick(), {
      method: "GET",
      path: "/raft/probing",
      headers: {},
      idleTimeoutMs: PROBE_TIMEOUT_MS,
    });
    this.#request = request;
    let body = "";
    let failure = "connection closed";
    request.on("response", (response) => {
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        body += text;
        if (body.length > ANSWER_BYTES_MAX) response.destroy();
      });
      response.on("end", () => {
        if (response.statusCode === 200) failure = this.#answered(body, nowMs() - startedAt);
        else failure = `unexpected http status ${response.statusCode}`;
      });
      response.on("error", () => {});
    });
    request.on("error", (error) => (failure = errorText(error)));
    request.once("close", () => {
      if (this.#request !== request) return;
      this.#request = undefined;
      if (failure !== "") this.#report("prober detected unhealthy status", { error: failure });
    });
    request.end();
  }

  close(): void {
    const request = this.#request;
    this.#request = undefined;
    request?.destroy();
  }

  /** Returns what is wrong with the answer, if anything. */
  #answered(body: string, roundTripMs: number): string {
    const health = parseHealth(body);
    if (health === undefined) return "answer is not a probe's";
    this.#roundTripMs = roundTripMs;
    this.#link.counters.roundTrip.observe(roundTripMs / 1000);
    this.#clockDriftMs = this.#wallMs() - roundTripMs / 2 - health.nowMs;
    if (Math.abs(this.#clockDriftMs) > CLOCK_DRIFT_MAX_MS) {
      this.#report("prober found high clock drift", { "clock-drift-ms": Math.round(this.#clockDriftMs) });
    }
    return "";
  }

  #report(message: string, fields: Readonly<Record<string, unknown>>): void {
    const now = this.#link.nowMs();
    if (now - this.#reportedAt < REPORT_INTERVAL_MS) return;
    this.#reportedAt = now;
    this.#link.logger.warn(message, fields);
  }
}

function parseHealth(body: string): { readonly nowMs: number } | undefined {
  try {
    const { OK, Now } = JSON.parse(body) as { readonly OK?: unknown; readonly Now?: unknown };
    const nowMs = Date.parse(String(Now));
    return OK === true && !Number.isNaN(nowMs) ? { nowMs } : undefined;
  } catch {
    return undefined;
  }
}
