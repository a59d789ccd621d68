import { readdirSync, readFileSync } from "node:fs";
import { getHeapStatistics } from "node:v8";
import type { Gauge } from "@quorate/base";
import type { PrometheusMetrics } from "./prometheus-metrics.ts";

/**
 * What etcd's process collectors tell beyond those of prom-client, and of the Go runtime what has the same meaning here: the heap,
 * which is V8's, and threads. Numbers come from the system at each scrape; what a system does not tell is left out.
 */
export function processMetrics(metrics: PrometheusMetrics): void {
  const update = [...descriptors(metrics), ...virtualMemoryMax(metrics), ...network(metrics), ...runtime(metrics)];
  metrics.beforeScrape(() => {
    for (const each of update) each();
  });
}

type Update = () => void;

/** Gauges that are there only if their number can be had. */
function sampled(gauge: () => Gauge, read: () => number | undefined): Update[] {
  const first = read();
  if (first === undefined) return [];
  const shown = gauge();
  return [
    () => {
      const value = read();
      if (value !== undefined) shown.set(value);
    },
  ];
}

function descriptors(metrics: PrometheusMetrics): Update[] {
  return [
    ...sampled(
      () => metrics.gauge("os_fd_used", "Open file descriptors."),
      // The directory is open itself while it is read.
      () => orNothing(() => readdirSync("/proc/self/fd").length - 1),
    ),
    ...sampled(
      () => metrics.gauge("os_fd_limit", "File descriptors that may be open."),
      () => limit("Max open files"),
    ),
  ];
}

function virtualMemoryMax(metrics: PrometheusMetrics): Update[] {
  return sampled(
    () => metrics.gauge("process_virtual_memory_max_bytes", "Virtual memory that may be in use, in bytes."),
    () => limit("Max address space"),
  );
}

/** Of all processes in the same network namespace, as in the Go client library. */
function network(metrics: PrometheusMetrics): Update[] {
  const counters = [
    ["process_network_receive_bytes_total", "Bytes received over the network.", "InOctets"],
    ["process_network_transmit_bytes_total", "Bytes sent over the network.", "OutOctets"],
  ] as const;
  return counters.flatMap(([name, help, field]) => {
    if (octets(field) === undefined) return [];
    const counter = metrics.counter(name, help);
    return [() => counter.add(Math.max(0, (octets(field) ?? 0) - counter.value))];
  });
}

function runtime(metrics: PrometheusMetrics): Update[] {
  const heap = (name: string, help: string, read: () => number): Update[] =>
    sampled(() => metrics.gauge(name, help), read);
  return [
    ...heap(
      "go_memstats_alloc_bytes",
      "Bytes of the heap in use; of V8's heap.",
      () => getHeapStatistics().used_heap_size,
    ),
    ...heap(
      "go_memstats_heap_alloc_bytes",
      "Bytes of the heap in use; of V8's heap.",
      () => getHeapStatistics().used_heap_size,
    ),
    ...heap(
      "go_memstats_heap_sys_bytes",
      "Bytes of the heap obtained from the system; of V8's heap.",
      () => getHeapStatistics().total_heap_size,
    ),
    ...sampled(
      () => metrics.gauge("go_threads", "Threads of the process."),
      () => orNothing(() => numberAfter(readFileSync("/proc/self/status", "latin1"), /^Threads:\s+(\d+)/m)),
    ),
  ];
}

/** The soft limit of this name; the largest number there is where there is none, as Go prints it. */
function limit(name: string): number | undefined {
  return orNothing(() => {
    const match = new RegExp(`^${name}\\s+(\\d+|unlimited)`, "m").exec(readFileSync("/proc/self/limits", "latin1"));
    if (match === null) return undefined;
    return match[1] === "unlimited" ? 2 ** 64 : Number(match[1]);
  });
}

/** A field of the IP statistics: a line of names, and one of numbers. */
function octets(field: string): number | undefined {
  return orNothing(() => {
    const lines = readFileSync("/proc/self/net/netstat", "latin1").split("\n");
    const [names, values] = lines.filter((line) => line.startsWith("IpExt:")).map((line) => line.split(" "));
    const place = names?.indexOf(field) ?? -1;
    return place < 0 ? undefined : Number(values?.[place]);
  });
}

function numberAfter(text: string, pattern: RegExp): number | undefined {
  const match = pattern.exec(text);
  return match === null ? undefined : Number(match[1]);
}

/** Other systems have no /proc. */
function orNothing(read: () => number | undefined): number | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
