import { readFileSync } from "node:fs";

const MIB_KIB = 1024;

/** Memory of a process in MiB, from Linux's /proc. */
export interface ProcessMemory {
  /** Resident: with the mapped files that happen to be in memory. */
  readonly resident: number;
  /** Resident without mapped files: what cannot be given back without writing it elsewhere. */
  readonly anonymous: number;
}

/** Memory of the process `pid` now. Throws when there is none. */
export function memoryOf(pid: number): ProcessMemory {
  return parseStatus(readFileSync(`/proc/${pid}/status`, "utf8"));
}

/** Reads the text of `/proc/<pid>/status`. */
export function parseStatus(text: string): ProcessMemory {
  return { resident: fieldMib(text, "VmRSS"), anonymous: fieldMib(text, "RssAnon") };
}

function fieldMib(text: string, field: string): number {
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
  if (kib === undefined) throw new Error(`no ${field} in a process status`);
  return Number(kib) / MIB_KIB;
}

/** The larger of two, field by field. */
export function peakOf(a: ProcessMemory, b: ProcessMemory): ProcessMemory {
  return { resident: Math.max(a.resident, b.resident), anonymous: Math.max(a.anonymous, b.anonymous) };
}

/** CPU time of the whole machine since its start, in ticks of the kernel. */
export interface CpuTime {
  readonly busy: number;
  readonly total: number;
}

/** From Linux's /proc/stat: everything but idle and waiting for the disk is busy. */
export function cpuTime(text: string = readFileSync("/proc/stat", "utf8")): CpuTime {
  const fields = (text.split("\n", 1)[0] ?? "").trim().split(/\s+/).slice(1, 9).map(Number);
  const total = fields.reduce((sum, ticks) => sum + ticks, 0);
  return { busy: total - (fields[3] ?? 0) - (fields[4] ?? 0), total };
}

/** Part of all cores' time that was busy between two looks, 0 to 1. */
export function busyShare(from: CpuTime, to: CpuTime): number {
  return (to.busy - from.busy) / (to.total - from.total);
}

const TICKS_PER_SECOND = 100;

/** CPU time that a process and its threads have spent, in seconds, from /proc (Linux tells user programs 100 ticks a second). */
export function cpuSecondsOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name, in parentheses, may hold spaces; user and system time are the 14th and 15th field.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
