import type { AlarmMember } from "@quorate/protocol";
import type { RunCommand } from "../frame/command.ts";
import { CommandError } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { printLine } from "../frame/output.ts";
import { alarmName } from "../print/cluster-reports.ts";
import { type EndpointHealth, healthReport } from "../print/endpoint-reports.ts";
import { type Connection, withConnection } from "./connection.ts";
import { failureText, isCallError } from "./failure.ts";
import { bytesOf } from "./key-range.ts";
import { endpointsToAsk } from "./member-endpoints.ts";
import { stopwatch } from "./stopwatch.ts";

/** Any key will do: what counts is that the cluster answers a linearizable read. */
const PROBED_KEY = "health";

/** `endpoint health`: all at once, told in the order in which they answer. CLI page, A3.2. */
export const runHealth: RunCommand = async (context) =>
  await withConnection(context, async (connection) => {
    const list: EndpointHealth[] = [];
    const endpoints = await endpointsToAsk(connection);
    await Promise.all(endpoints.map(async (endpoint) => list.push(await healthOf(connection, endpoint))));
    connection.print(healthReport(list));
    const unhealthy = list.filter(({ error }) => error !== "");
    if (connection.style.format === "simple") {
      for (const { endpoint, error } of unhealthy)
        printLine(context.stderr, `${endpoint} is unhealthy: failed to commit proposal: ${error}`);
    }
    if (unhealthy.length > 0) throw new CommandError(ExitCode.error, "unhealthy cluster");
  });

async function healthOf(connection: Connection, endpoint: string): Promise<EndpointHealth> {
  const { RPC } = await import("@quorate/client");
  const took = stopwatch();
  try {
    await connection.call(RPC.KV.Range, { key: bytesOf(PROBED_KEY) }, { endpoint });
  } catch (error) {
    // Who may not read was refused by the cluster all the same.
    const wasAnswered = isCallError(error) && error.code === "permissionDenied";
    if (!wasAnswered) return { endpoint, isHealthy: false, took: took(), error: failureText(error) };
  }
  const tookText = took();
  const alarms = await connection
    .call(RPC.Maintenance.Alarm, {}, { endpoint })
    .then((response) => activeAlarms(response.alarms))
    .catch(() => "Unable to fetch the alarm list");
  return { endpoint, isHealthy: alarms === "", took: tookText, error: alarms };
}

/** With a space at the end, as etcdctl prints it; empty without alarms. */
function activeAlarms(alarms: readonly AlarmMember[]): string {
  return alarms.length === 0 ? "" : `Active Alarm(s): ${alarms.map((alarm) => `${alarmName(alarm)} `).join("")}`;
}
