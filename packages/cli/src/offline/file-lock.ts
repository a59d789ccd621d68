import { type BigIntStats, readdirSync, readFileSync, statSync } from "node:fs";
import { CommandError } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";

/** What is known of who uses a file. */
export interface LockHolder {
  /** The process; undefined where the system does not say which. */
  readonly pid: number | undefined;
}

const POLL_MS = 50;

/**
 * Who holds a lock on a file, as etcd's server does on its database and its log while it runs; undefined if nobody, as far as the
 * system tells: only Linux does (proc(5), `/proc/locks`).
 */
export function lockHolder(path: string): LockHolder | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  const text = stat === undefined ? "" : readText("/proc/locks");
  for (const line of text.split("\n")) {
    const lock = stat === undefined ? undefined : lockOn(line, stat);
    if (lock !== undefined) return lock;
  }
  return undefined;
}

/** Waits until nobody holds a lock on a file, for so long (0: without end). Throws a CommandError if it is not there, or then. */
export async function untilUnlocked(path: string, timeoutMs: number): Promise<void> {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) {
    throw new CommandError(ExitCode.error, `stat ${path}: no such file or directory`);
  }
  const endMs = timeoutMs === 0 ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs;
  while (performance.now() < endMs && lockHolder(path) !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  refuseInUse(path);
}

/** Throws a CommandError if a process holds a lock on a file. */
export function refuseInUse(path: string): void {
  const holder = lockHolder(path);
  if (holder === undefined) return;
  const who = holder.pid === undefined ? "another process" : `process ${holder.pid}`;
  throw new CommandError(ExitCode.error, `${who} uses ${path}; stop it first`);
}

/** `1: FLOCK ADVISORY WRITE 1234 08:01:5678 0 EOF` */
function lockOn(line: string, stat: BigIntStats): LockHolder | undefined {
  const match = /^\d+: (?:-> )?\S+ +\S+ +\S+ +(-?\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) /.exec(line);
  if (match === null || match[4] !== String(stat.ino)) return undefined;
  const pid = Number(match[1]);
  const holder = { pid: pid > 0 ? pid : undefined };
  const device = (BigInt(`0x${match[2]}`) << 32n) | BigInt(`0x${match[3]}`);
  if (device === deviceOf(stat.dev)) return holder;
  // Layered file systems show another device here than elsewhere: the process knows what it has open.
  return pid > 0 && hasOpen(pid, stat) ? holder : undefined;
}

/** Major and minor number, of which `dev` mixes the bits (glibc's makedev). */
function deviceOf(dev: bigint): bigint {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn & 0xffffffffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
  return (major << 32n) | minor;
}

function hasOpen(pid: number, stat: BigIntStats): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((name) => {
      const open = statSync(`/proc/${pid}/fd/${name}`, { bigint: true, throwIfNoEntry: false });
      return open !== undefined && open.ino === stat.ino && open.dev === stat.dev;
    });
  } catch {
    return false;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
