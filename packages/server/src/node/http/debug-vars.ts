import { readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import type { HealthSource } from "./health-source.ts";
import { onlyGet, sendJson } from "./respond.ts";

/** `/debug/vars`: one JSON object in the layout of Go's expvar, with the members etcd has. */
export function serveVars(source: HealthSource, method: string | undefined, response: ServerResponse): void {
  if (!onlyGet(method, response)) return;
  const variables: Readonly<Record<string, unknown>> = {
    cmdline: process.argv.slice(1),
    file_descriptor_limit: fileDescriptorLimit(),
    memstats: memoryStatistics(),
    "raft.status": source.raftStatus(),
  };
  const lines = Object.entries(variables).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  sendJson(response, `{\n${lines.join(",\n")}\n}\n`, "application/json; charset=utf-8");
}

/** What V8 knows, under the nearest of Go's names; bytes. */
function memoryStatistics(): Readonly<Record<string, number>> {
  const usage = process.memoryUsage();
  return {
    Alloc: usage.heapUsed,
    Sys: usage.rss,
    HeapAlloc: usage.heapUsed,
    HeapSys: usage.heapTotal,
    HeapInuse: usage.heapUsed,
    OtherSys: usage.external,
  };
}

/** Soft limit of open files; 0 where it is not known. */
function fileDescriptorLimit(): number {
  try {
    const match = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
    return Number(match?.[1] ?? 0);
  } catch {
    return 0;
  }
}
