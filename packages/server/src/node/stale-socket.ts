import { lstatSync, rmSync } from "node:fs";

/**
 * Removes the unix socket at `path`, which a process that was killed leaves behind and which would keep this one from listening. As
 * etcd does, except that what is no socket stays. Throws when it cannot be removed.
 */
export function removeStaleSocket(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) rmSync(path);
}
