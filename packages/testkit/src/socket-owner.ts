import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/**
 * Which of `pids` holds the loopback TCP connection from `localPort` to `remotePort`, as the kernel tells it (Linux, own
 * processes, no privileges). Undefined when none does, such as when the connection is gone again.
 */
export function ownerOfConnection(localPort: number, remotePort: number, pids: readonly number[]): number | undefined {
  const inode = inodeOf(localPort, remotePort);
  return inode === undefined ? undefined : pids.find((pid) => holds(pid, `socket:[${inode}]`));
}

/** Columns of /proc/net/tcp, see proc(5): number, local address, remote address, state, queues, timer, …, inode. */
const INODE_COLUMN = 9;

function inodeOf(localPort: number, remotePort: number): string | undefined {
  const local = `:${hexPort(localPort)}`;
  const remote = `:${hexPort(remotePort)}`;
  for (const line of readFileSync("/proc/net/tcp", "latin1").split("\n")) {
    const columns = line.trim().split(/\s+/);
    if (columns[1]?.endsWith(local) && columns[2]?.endsWith(remote)) return columns[INODE_COLUMN];
  }
  return undefined;
}

function holds(pid: number, target: string): boolean {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).some((descriptor) => linkOf(`${folder}/${descriptor}`) === target);
  } catch {
    return false;
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    // Closed since the folder was listed.
    return undefined;
  }
}

function hexPort(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, "0");
}
