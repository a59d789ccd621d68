import type { ServerResponse } from "node:http";
import type { Logger } from "@quorate/base";
import type { HealthMetrics } from "../metrics/server-metrics.ts";
import type { HealthSource, ReadDone } from "./health-source.ts";
import { onlyGet, sendError, sendText } from "./respond.ts";

export interface HealthOptions {
  readonly source: HealthSource;
  readonly metrics: HealthMetrics;
  readonly logger: Logger;
  /** A read that has not come back by then has failed. etcd: 5 s and two election timeouts. */
  readonly readTimeoutMs: number;
}

type Probe = "livez" | "readyz";

/** A check calls back once with undefined, or with what is wrong. */
type Check = (options: HealthOptions, done: ReadDone) => void;

const CHECKS: Readonly<Record<Probe, Readonly<Record<string, Check>>>> = {
  livez: { serializable_read: serializableRead },
  readyz: {
    data_corruption: ({ source }, done) =>
      done(source.alarms().some((alarm) => alarm.kind === "CORRUPT") ? "alarm activated: CORRUPT" : undefined),
    serializable_read: serializableRead,
    linearizable_read: linearizableRead,
    non_learner: ({ source }, done) => done(source.isLearner() ? "not supported for learner" : undefined),
  },
};

/** `/health`: alarms, then the leader, then a read. `exclude` names alarms to overlook; `serializable=true` asks this member alone. */
export function serveHealth(
  options: HealthOptions,
  method: string | undefined,
  query: URLSearchParams,
  response: ServerResponse,
): void {
  if (!onlyGet(method, response)) return;
  const serializable = query.get("serializable") === "true";
  const finish = (reason: string): void => {
    const healthy = reason === "";
    (healthy ? options.metrics.healthSuccess : options.metrics.healthFailures).add(1);
    const body = JSON.stringify({ health: String(healthy), reason });
    if (healthy) {
      sendText(response, 200, body, false);
    } else {
      options.logger.warn("/health error", { output: body, "status-code": 503 });
      sendError(response, 503, body);
    }
  };
  const excluded = new Set(query.getAll("exclude"));
  const alarm = options.source.alarms().find((raised) => !excluded.has(raised.kind));
  if (alarm !== undefined) {
    finish(`ALARM ${alarm.kind}`);
  } else if (!serializable && !options.source.hasLeader()) {
    finish("RAFT NO LEADER");
  } else {
    const read = serializable ? serializableRead : linearizableRead;
    read(options, (error) => finish(error === undefined ? "" : `RANGE ERROR:${error}`));
  }
}

/** `/livez`, `/readyz` and, with `name`, one check of theirs. Returns false when there is no such check. */
export function serveProbe(
  options: HealthOptions,
  probe: Probe,
  name: string | undefined,
  method: string | undefined,
  query: URLSearchParams,
  response: ServerResponse,
): boolean {
  const all = CHECKS[probe];
  if (name !== undefined && !Object.hasOwn(all, name)) return false;
  if (!onlyGet(method, response)) return true;
  const names = name === undefined ? included(options, Object.keys(all), query.getAll("exclude")) : [name];
  const results = new Map<string, string | undefined>();
  const finishOne = (checked: string, error: string | undefined): void => {
    results.set(checked, error);
    options.metrics.checked(probe, checked, error === undefined);
    if (results.size === names.length) sendResults(options, probe, names, results, query.has("verbose"), response);
  };
  if (names.length === 0) sendResults(options, probe, names, results, query.has("verbose"), response);
  for (const checked of names) {
    const check = all[checked];
    check?.(options, (error) => finishOne(checked, error));
  }
  return true;
}

function sendResults(
  options: HealthOptions,
  probe: Probe,
  names: readonly string[],
  results: ReadonlyMap<string, string | undefined>,
  verbose: boolean,
  response: ServerResponse,
): void {
  const lines = names.map((name) => {
    const error = results.get(name);
    return error === undefined ? `[+]${name} ok\n` : `[-]${name} failed: ${error}\n`;
  });
  if (names.some((name) => results.get(name) !== undefined)) {
    const reason = lines.join("");
    options.logger.error("Health check error", { path: `/${probe}`, reason, "status-code": 503 });
    sendError(response, 503, reason);
    return;
  }
  sendText(response, 200, `${verbose ? lines.join("") : ""}ok\n`, true);
}

function included(options: HealthOptions, names: readonly string[], excluded: readonly string[]): readonly string[] {
  const unknown = excluded.filter((name) => name !== "" && !names.includes(name));
  if (unknown.length > 0) options.logger.warn("some health checks cannot be excluded", { checks: unknown });
  return names.filter((name) => !excluded.includes(name));
}

function serializableRead(options: HealthOptions, done: ReadDone): void {
  const finish = withinTime(options.readTimeoutMs, done);
  options.source.serializableRead(finish);
}

function linearizableRead(options: HealthOptions, done: ReadDone): void {
  const finish = withinTime(options.readTimeoutMs, done);
  options.source.linearizableRead(finish);
}

/** Calls `done` once: with what comes first, an answer or the end of the time. */
function withinTime(timeoutMs: number, done: ReadDone): ReadDone {
  let settled = false;
  const finish: ReadDone = (error) => {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    done(error);
  };
  const timer = setTimeout(() => finish("context deadline exceeded"), timeoutMs);
  timer.unref();
  return finish;
}
