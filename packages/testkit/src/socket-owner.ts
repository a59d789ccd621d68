import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/**
 * Which of `pids` holds the loopback TCP connection from `localPort` to `remotePort`, as the kernel tells it (Linux, own
 * processes, no privileges). Undefined when none does, such as when the connection is gone again.
 */
export function ownerOfConnection(localPort: number, remotePort: number, pids: readonly number[]): number | undefined {
  const inode = inodeOf(localPort, remotePort);
  return inode === undefined ? undefined : pids.find((pid) => holds(pid, `socket:[${inode}]`));
}

/** Columns of /proc/net/tcp from the local address on, see proc(5): local, remote, state, queues, timer, … */
const INODE_COLUMN = 8;
const LOOPBACK = "0100007F";

/** The table is searched as one text: on a busy machine it has thousands of lines, most of them of closed connections. */
function inodeOf(localPort: number, remotePort: number): string | undefined {
  const table = readFileSync("/proc/net/tcp", "latin1");
  const start = table.indexOf(`${LOOPBACK}:${hexPort(localPort)} ${LOOPBACK}:${hexPort(remotePort)} `);
  if (start < 0) return undefined;
  return table.slice(start, table.indexOf("\n", start)).split(/\s+/)[INODE_COLUMN];
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
