import type { FileStat, FileSystem, OpenFile, OpenMode, Prng } from "@quorate/base";

const SECTOR_BYTES = 512;

interface Inode {
  current: Uint8Array;
  durable: Uint8Array;
  /** Sectors written since the last sync. */
  readonly dirty: Set<number>;
}

/** A change of a directory that is not durable yet. */
interface NameChange {
  readonly directory: string;
  readonly apply: (names: Map<string, Inode>) => void;
}

/**
 * Files in memory on a disk that forgets. What was not synced is kept by a crash or lost, sector by sector, as a generator
 * decides; changes of names are kept up to some point. Syncs "later" are finished by hand.
 */
export class SimulatedDisk implements FileSystem {
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  readonly #directories = new Set<string>(["/"]);
  #changes: NameChange[] = [];
  readonly #later: (() => void)[] = [];
  /** Thrown by the next sync, if set; stays set. */
  syncError: Error | undefined;
  /** Thrown by the next write, if set; stays set. */
  writeError: Error | undefined;
  /** A write takes at most this many bytes. */
  writeBytesMax: number = Number.POSITIVE_INFINITY;
  writeCount = 0;
  syncCount = 0;

  /** Finishes what was begun "later", in order, and what that begins. */
  finish(count: number = Number.POSITIVE_INFINITY): void {
    for (let i = 0; i < count; i++) {
      const next = this.#later.shift();
      if (next === undefined) return;
      next();
    }
  }

  get unfinishedCount(): number {
    return this.#later.length;
  }

  /** What a power cut at this moment leaves. */
  crashed(prng: Prng): SimulatedDisk {
    const image = new SimulatedDisk();
    const kept = this.#changes.slice(0, prng.below(this.#changes.length + 1));
    const names = new Map(this.#durableNames);
    for (const change of kept) change.apply(names);
    for (const [path, inode] of names) image.put(path, afterCrash(inode, prng));
    for (const directory of this.#directories) image.#directories.add(directory);
    return image;
  }

  /** The same content on another disk, all of it durable: what the death of the process alone leaves. */
  copy(): SimulatedDisk {
    const image = new SimulatedDisk();
    for (const [path, inode] of this.#names) image.put(path, inode.current.slice());
    for (const directory of this.#directories) image.#directories.add(directory);
    return image;
  }

  /** Sets a file's content, durably. */
  put(path: string, bytes: Uint8Array): void {
    const inode = { current: bytes, durable: bytes.slice(), dirty: new Set<number>() };
    this.#names.set(path, inode);
    this.#durableNames.set(path, inode);
    this.makeDirectory(directoryOf(path));
  }

  stat(path: string): FileStat | undefined {
    const inode = this.#names.get(path);
    if (inode !== undefined) return { kind: "file", sizeBytes: inode.current.length, mode: 0o600 };
    return this.#directories.has(path) ? { kind: "directory", sizeBytes: 0, mode: 0o700 } : undefined;
  }

  list(path: string): string[] {
    const names = new Set<string>();
    for (const known of [...this.#names.keys(), ...this.#directories]) {
      if (known.startsWith(`${path}/`)) names.add(known.slice(path.length + 1).split("/")[0] as string);
    }
    return [...names].sort();
  }

  makeDirectory(path: string): void {
    for (let at = path; at !== "/" && at !== "."; at = directoryOf(at)) this.#directories.add(at);
  }

  syncDirectory(path: string): void {
    if (this.syncError !== undefined) throw this.syncError;
    const rest: NameChange[] = [];
    for (const change of this.#changes) {
      if (change.directory === path) change.apply(this.#durableNames);
      else rest.push(change);
    }
    this.#changes = rest;
  }

  rename(from: string, to: string): void {
    if (this.#directories.has(from)) {
      this.#renameDirectory(from, to);
      return;
    }
    const inode = this.#inode(from);
    this.#change(to, (names) => {
      names.delete(from);
      names.set(to, inode);
    });
  }

  removeFile(path: string): void {
    this.#inode(path);
    this.#change(path, (names) => names.delete(path));
  }

  removeFileLater(path: string, done: (error?: Error) => void): void {
    this.#later.push(() => {
      this.removeFile(path);
      done();
    });
  }

  removeDirectory(path: string): void {
    for (const name of Array.from(this.#names.keys())) {
      if (name === path || name.startsWith(`${path}/`)) this.removeFile(name);
    }
    for (const name of Array.from(this.#directories)) {
      if (name === path || name.startsWith(`${path}/`)) this.#directories.delete(name);
    }
  }

  open(path: string, mode: OpenMode): OpenFile {
    if (mode === "create" || mode === "createNew") {
      const inode: Inode = { current: new Uint8Array(0), durable: new Uint8Array(0), dirty: new Set() };
      this.#change(path, (names) => names.set(path, inode));
    }
    return new SimulatedFile(this, this.#inode(path), this.#later);
  }

  readFile(path: string): Uint8Array {
    return this.#inode(path).current.slice();
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
    return inode;
  }

  #change(path: string, apply: (names: Map<string, Inode>) => void): void {
    apply(this.#names);
    this.#changes.push({ directory: directoryOf(path), apply });
  }

  /** Only for directories that were synced before: their names move along. */
  #renameDirectory(from: string, to: string): void {
    this.#change(to, (names) => {
      for (const [name, inode] of Array.from(names)) {
        if (!name.startsWith(`${from}/`)) continue;
        names.delete(name);
        names.set(to + name.slice(from.length), inode);
      }
    });
    this.#directories.delete(from);
    this.makeDirectory(to);
  }
}

class SimulatedFile implements OpenFile {
  readonly #disk: SimulatedDisk;
  readonly #inode: Inode;
  readonly #later: (() => void)[];

  constructor(disk: SimulatedDisk, inode: Inode, later: (() => void)[]) {
    this.#disk = disk;
    this.#inode = inode;
    this.#later = later;
  }

  read(target: Uint8Array, offset: number, length: number, position: number): number {
    const bytes = this.#inode.current.subarray(position, position + length);
    target.set(bytes, offset);
    return bytes.length;
  }

  write(bytes: Uint8Array, offset: number, length: number, position: number): number {
    if (this.#disk.writeError !== undefined) throw this.#disk.writeError;
    this.#disk.writeCount++;
    const count = Math.min(length, this.#disk.writeBytesMax);
    const inode = this.#inode;
    if (inode.current.length < position + count) inode.current = resized(inode.current, position + count);
    inode.current.set(bytes.subarray(offset, offset + count), position);
    for (let at = position - (position % SECTOR_BYTES); at < position + count; at += SECTOR_BYTES) {
      inode.dirty.add(at / SECTOR_BYTES);
    }
    return count;
  }

  writeLater(bytes: Uint8Array, position: number, done: (error?: Error) => void): void {
    this.#later.push(() => {
      try {
        for (let at = 0; at < bytes.length; ) at += this.write(bytes, at, bytes.length - at, position + at);
      } catch (error) {
        done(error as Error);
        return;
      }
      done();
    });
  }

  truncate(sizeBytes: number): void {
    this.#inode.current = resized(this.#inode.current, sizeBytes);
    for (let at = 0; at < sizeBytes; at += SECTOR_BYTES) this.#inode.dirty.add(at / SECTOR_BYTES);
  }

  sizeBytes(): number {
    return this.#inode.current.length;
  }

  sync(): void {
    if (this.#disk.syncError !== undefined) throw this.#disk.syncError;
    this.#disk.syncCount++;
    this.#inode.durable = this.#inode.current.slice();
    this.#inode.dirty.clear();
  }

  syncData(): void {
    this.sync();
  }

  syncDataLater(done: (error?: Error) => void): void {
    this.#later.push(() => {
      try {
        this.sync();
      } catch (error) {
        done(error as Error);
        return;
      }
      done();
    });
  }

  zeroLater(from: number, to: number, done: (error?: Error) => void): void {
    this.#later.push(() => {
      this.write(new Uint8Array(to - from), 0, to - from, from);
      this.sync();
      done();
    });
  }

  close(): void {}
}

function afterCrash(inode: Inode, prng: Prng): Uint8Array {
  const size = prng.below(2) === 0 ? inode.durable.length : inode.current.length;
  const bytes = resized(inode.durable, size);
  for (const sector of [...inode.dirty].sort((a, b) => a - b)) {
    if (prng.below(2) === 0) continue;
    const start = sector * SECTOR_BYTES;
    if (start >= size) continue;
    bytes.fill(0, start, start + SECTOR_BYTES);
    bytes.set(inode.current.subarray(start, Math.min(start + SECTOR_BYTES, size)), start);
  }
  return bytes;
}

function resized(bytes: Uint8Array, size: number): Uint8Array {
  const copy = new Uint8Array(size);
  copy.set(bytes.subarray(0, size));
  return copy;
}

function directoryOf(path: string): string {
  const at = path.lastIndexOf("/");
  return at <= 0 ? "/" : path.slice(0, at);
}
