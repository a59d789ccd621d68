import {
  closeSync,
  createReadStream,
  createWriteStream,
  existsSync,
  fstatSync,
  openSync,
  renameSync,
  write,
  writeSync,
} from "node:fs";
import { readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { LogRotation } from "../config/log-rotation.ts";
import { LOG_FILE_FLAGS, LOG_FILE_MODE } from "./log-output.ts";
import type { LogOutput } from "./log-sink.ts";

const MIB = 1024 * 1024;
const DAY_MS = 24 * 60 * 60 * 1000;
const NEWLINE = 0x0a;
const COMPRESSED = ".gz";

/** What a rotating file needs besides its path. */
export interface RotatingFileOptions {
  readonly rotation: LogRotation;
  readonly wallMs: () => number;
  /** Told when an old file cannot be kept as it should be; what is logged goes on into the file that is open. */
  readonly onProblem: (what: string, error: unknown) => void;
}

/**
 * A log file that is renamed when it has grown to its most bytes, and begun anew. Old files are named for the time they were put aside
 * (`server-2026-11-26T10-22-26.123.log`), the names by which tools for etcd's own rotated files find them. Throws as `fs.openSync` does.
 */
export function rotatingFile(path: string, options: RotatingFileOptions): LogOutput {
  return new RotatingFile(path, options);
}

class RotatingFile implements LogOutput {
  readonly #path: string;
  readonly #options: RotatingFileOptions;
  #fd: number;
  #bytes: number;
  #endsInsideLine = false;
  #tidying: Promise<void> = Promise.resolve();

  constructor(path: string, options: RotatingFileOptions) {
    this.#path = path;
    this.#options = options;
    this.#fd = openSync(path, LOG_FILE_FLAGS, LOG_FILE_MODE);
    this.#bytes = fstatSync(this.#fd).size;
    this.#tidy();
  }

  write(bytes: Uint8Array, done: (error: NodeJS.ErrnoException | null, written: number) => void): void {
    this.#makeRoom(bytes.length);
    write(this.#fd, bytes, 0, bytes.length, null, (error, written) => {
      if (error === null) this.#wrote(bytes, written);
      done(error, written);
    });
  }

  writeNow(bytes: Uint8Array): number {
    this.#makeRoom(bytes.length);
    const written = writeSync(this.#fd, bytes);
    this.#wrote(bytes, written);
    return written;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #wrote(bytes: Uint8Array, written: number): void {
    this.#bytes += written;
    this.#endsInsideLine = written > 0 && bytes[written - 1] !== NEWLINE;
  }

  /** The sink has one write under way at most, so nothing is being written while the file changes hands. */
  #makeRoom(bytes: number): void {
    const isFull = this.#bytes > 0 && this.#bytes + bytes > this.#options.rotation.maxSizeMiB * MIB;
    if (!isFull || this.#endsInsideLine) return;
    try {
      this.#putAside();
      const next = openSync(this.#path, LOG_FILE_FLAGS, LOG_FILE_MODE);
      closeSync(this.#fd);
      this.#fd = next;
    } catch (error) {
      this.#options.onProblem("cannot rotate the log file", error);
    }
    // After a failure too: the next attempt comes when as much again was written, not with every line.
    this.#bytes = 0;
    this.#tidy();
  }

  /** A file that is gone was taken away by somebody else, or by a rotation that could not open its successor. */
  #putAside(): void {
    try {
      renameSync(this.#path, this.#nameAside());
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }

  #nameAside(): string {
    let ms = this.#options.wallMs();
    for (;;) {
      const name = join(dirname(this.#path), oldName(this.#path, ms, this.#options.rotation.localTime));
      if (!existsSync(name) && !existsSync(name + COMPRESSED)) return name;
      ms++;
    }
  }

  #tidy(): void {
    this.#tidying = this.#tidying
      .then(() => tidy(this.#path, this.#options))
      .catch((error: unknown) => this.#options.onProblem("cannot tidy the old log files", error));
  }
}

/** Removes what is too old or too many, newest kept first, and compresses the rest if that is wanted. */
async function tidy(path: string, { rotation, wallMs }: RotatingFileOptions): Promise<void> {
  if (rotation.maxBackups === 0 && rotation.maxAgeDays === 0 && !rotation.compress) return;
  const folder = dirname(path);
  const old = oldFiles(path, await readdir(folder), rotation.localTime);
  const oldestMs = rotation.maxAgeDays === 0 ? Number.NEGATIVE_INFINITY : wallMs() - rotation.maxAgeDays * DAY_MS;
  for (const [age, { name, ms }] of old.entries()) {
    const isOneTooMany = rotation.maxBackups > 0 && age >= rotation.maxBackups;
    if (isOneTooMany || ms < oldestMs) await rm(join(folder, name), { force: true });
    else if (rotation.compress && !name.endsWith(COMPRESSED)) await compress(join(folder, name));
  }
}

/** Under a name of its own until it is whole, so that a crash leaves the plain file, which is compressed the next time. */
async function compress(path: string): Promise<void> {
  const partial = `${path}${COMPRESSED}.partial`;
  await pipeline(createReadStream(path), createGzip(), createWriteStream(partial, { mode: LOG_FILE_MODE }));
  await rename(partial, path + COMPRESSED);
  await rm(path, { force: true });
}

interface OldFile {
  readonly name: string;
  readonly ms: number;
}

/** Those of `names` that were put aside for the log at `path`, newest first. */
function oldFiles(path: string, names: readonly string[], localTime: boolean): OldFile[] {
  const extension = extname(path);
  const prefix = `${basename(path, extension)}-`;
  const found: OldFile[] = [];
  for (const name of names) {
    const plain = name.endsWith(COMPRESSED) ? name.slice(0, -COMPRESSED.length) : name;
    if (!plain.startsWith(prefix) || !plain.endsWith(extension)) continue;
    const ms = stampMs(plain.slice(prefix.length, plain.length - extension.length), localTime);
    if (ms !== undefined) found.push({ name, ms });
  }
  return found.sort((a, b) => b.ms - a.ms);
}

function oldName(path: string, ms: number, localTime: boolean): string {
  const extension = extname(path);
  return `${basename(path, extension)}-${stamp(ms, localTime)}${extension}`;
}

function stamp(ms: number, localTime: boolean): string {
  const shiftMs = localTime ? new Date(ms).getTimezoneOffset() * 60_000 : 0;
  return new Date(ms - shiftMs).toISOString().slice(0, -1).replaceAll(":", "-");
}

function stampMs(text: string, localTime: boolean): number | undefined {
  const parts = /^(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d\.\d{3})$/.exec(text);
  if (parts === null) return undefined;
  const ms = Date.parse(`${parts[1]}T${parts[2]}:${parts[3]}:${parts[4]}${localTime ? "" : "Z"}`);
  return Number.isNaN(ms) ? undefined : ms;
}
