import { closeSync, constants, fstatSync, openSync, write, writeSync } from "node:fs";
import { Socket } from "node:net";
import type { LogOutput } from "./log-sink.ts";

/**
 * Opens an inherited descriptor, standard output (1) or standard error (2), for writing that never waits. Node writes to
 * pipes synchronously: one that nobody reads would freeze the server, and a write that waits in the thread pool would hold
 * up the exit. So pipes and sockets are polled by libuv, and a terminal is written to without blocking. Pipes and terminals
 * are opened once more for that, by their /proc name: the mode of the inherited descriptor is shared with other processes.
 */
export function standardOutput(fd: number): LogOutput {
  const stat = fstatSync(fd);
  const own = stat.isFIFO() || stat.isCharacterDevice() ? reopened(fd) : undefined;
  if (stat.isFIFO() || stat.isSocket()) return polledOutput(own ?? fd, own !== undefined);
  return descriptorOutput(own ?? fd, own !== undefined);
}

/** A non-blocking descriptor of its own for what `fd` is open on; undefined without /proc, or when it is not ours to open. */
function reopened(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return undefined;
  }
}

/** A log file is appended to, and opening what nobody reads from must not wait. */
export const LOG_FILE_FLAGS: number =
  constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
export const LOG_FILE_MODE = 0o644;

/** Opens a file for appending, creating it. Throws as `fs.openSync` does; a FIFO without a reader is refused (`ENXIO`). */
export function fileOutput(path: string): LogOutput {
  return descriptorOutput(openSync(path, LOG_FILE_FLAGS, LOG_FILE_MODE), true);
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

function polledOutput(fd: number, owned: boolean): LogOutput {
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
    close() {
      if (owned) socket.destroy();
    },
  };
}
