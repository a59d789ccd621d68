import fs from "node:fs";
import { dirname } from "node:path";
import type { FileStat, FileSystem, OpenFile, OpenMode } from "@quorate/base";

const FLAGS: Readonly<Record<OpenMode, string>> = { read: "r", readWrite: "r+", create: "w+", createNew: "wx+" };
const ZEROS = new Uint8Array(1024 * 1024);

class NodeFile implements OpenFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  get descriptor(): number {
    return this.#fd;
  }

  read(target: Uint8Array, offset: number, length: number, position: number): number {
    return fs.readSync(this.#fd, target, offset, length, position);
  }

  write(bytes: Uint8Array, offset: number, length: number, position: number): number {
    return fs.writeSync(this.#fd, bytes, offset, length, position);
  }

  writeLater(bytes: Uint8Array, position: number, done: (error?: Error) => void): void {
    fs.write(this.#fd, bytes, 0, bytes.length, position, (error, written) => {
      if (error) done(error);
      else if (written < bytes.length) this.writeLater(bytes.subarray(written), position + written, done);
      else done();
    });
  }

  truncate(sizeBytes: number): void {
    fs.ftruncateSync(this.#fd, sizeBytes);
  }

  sizeBytes(): number {
    return fs.fstatSync(this.#fd).size;
  }

  sync(): void {
    fs.fsyncSync(this.#fd);
  }

  syncData(): void {
    fs.fdatasyncSync(this.#fd);
  }

  syncDataLater(done: (error?: Error) => void): void {
    fs.fdatasync(this.#fd, (error) => done(error ?? undefined));
  }

  zeroLater(from: number, to: number, done: (error?: Error) => void): void {
    if (from >= to) {
      this.syncDataLater(done);
      return;
    }
    fs.write(this.#fd, ZEROS, 0, Math.min(ZEROS.length, to - from), from, (error, written) => {
      if (error) done(error);
      else this.zeroLater(from + written, to, done);
    });
  }

  close(): void {
    fs.closeSync(this.#fd);
  }
}

/** The machine's files, through `node:fs`. */
export class NodeFileSystem implements FileSystem {
  stat(path: string): FileStat | undefined {
    const stat = fs.statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    const kind = stat.isFile() ? "file" : stat.isDirectory() ? "directory" : "other";
    return { kind, sizeBytes: stat.size, mode: stat.mode & 0o777 };
  }

  list(path: string): string[] {
    return fs.readdirSync(path).sort();
  }

  makeDirectory(path: string, mode: number): void {
    try {
      fs.mkdirSync(path, { mode });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EEXIST" && fs.statSync(path).isDirectory()) return;
      const parent = dirname(path);
      // Node's own recursion never ends where the parent exists and still nothing can be made in it, as in /proc.
      if (code !== "ENOENT" || parent === path || fs.existsSync(parent)) throw error;
      this.makeDirectory(parent, mode);
      fs.mkdirSync(path, { mode });
    }
  }

  syncDirectory(path: string): void {
    const fd = fs.openSync(path, "r");
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  }

  rename(from: string, to: string): void {
    fs.renameSync(from, to);
  }

  removeFile(path: string): void {
    fs.unlinkSync(path);
  }

  removeFileLater(path: string, done: (error?: Error) => void): void {
    fs.unlink(path, (error) => done(error ?? undefined));
  }

  removeDirectory(path: string): void {
    fs.rmSync(path, { recursive: true, force: true });
  }

  open(path: string, mode: OpenMode, permissions = 0o600): OpenFile {
    return new NodeFile(fs.openSync(path, FLAGS[mode], permissions));
  }

  readFile(path: string): Uint8Array {
    return fs.readFileSync(path);
  }
}

/** The file behind a number that {@link OpenFile.descriptor} told, in this thread or another; whoever opened it closes it. */
export function fileOfDescriptor(descriptor: number): OpenFile {
  return new NodeFile(descriptor);
}

/** The one instance anybody needs: it holds no state. */
export const NODE_FILE_SYSTEM: FileSystem = new NodeFileSystem();
