import { closeSync, constants, fstatSync, openSync, write, writeSync } from "node:fs";
import { Socket } from "node:net";
import type { LogOutput } from "./log-sink.ts";

/**
 * Opens standard output (1) or standard error (2) for writing that never waits. Node writes to pipes synchronously: one that
 * nobody reads would freeze the server, and a write that waits in the thread pool would hold up the exit. So pipes and
 * terminals are opened once more by their /proc name, in non-blocking mode of their own (the mode of the inherited
 * descriptor is shared with other processes); sockets, and pipes where that fails, are handed to libuv, which polls.
 */
export function standardOutput(fd: 1 | 2): LogOutput {
  const stat = fstatSync(fd);
  if (stat.isFIFO() || stat.isCharacterDevice()) {
    try {
      const own = openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
      return descriptorOutput(own, true);
    } catch {
      // No /proc, or not ours to open.
    }
  }
  if (stat.isFIFO() || stat.isSocket()) return socketOutput(fd);
  return descriptorOutput(fd, false);
}

/** Opens a file for appending, creating it. Throws as `fs.openSync` does; a FIFO without a reader is refused (`ENXIO`). */
export function fileOutput(path: string): LogOutput {
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
  return descriptorOutput(openSync(path, flags, 0o644), true);
}

function descriptorOutput(fd: number, owned: boolean): LogOutput {
  return {
    write: (bytes, done) => write(fd, bytes, 0, bytes.length, null, done),
    writeNow: (bytes) => writeSync(fd, bytes),
    close() {
      if (owned) closeSync(fd);
    },
  };
}

function socketOutput(fd: number): LogOutput {
  const socket = new Socket({ fd, readable: false, writable: true });
  let failure: NodeJS.ErrnoException | undefined;
  socket.on("error", (error) => {
    failure = error;
  });
  socket.unref();
  return {
    write(bytes, done) {
      if (failure !== undefined) {
        const error = failure;
        setImmediate(() => done(error, 0));
        return;
      }
      socket.write(bytes, (error) => done(error ?? null, error ? 0 : bytes.length));
    },
    writeNow: (bytes) => writeSync(fd, bytes),
    close() {},
  };
}
