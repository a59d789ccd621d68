import type { FileSystem, OpenFile } from "@quorate/base";

/** Writes `bytes[0, length)` at `position`, continuing short writes. Throws what the system reports. */
export function writeFully(file: OpenFile, bytes: Uint8Array, length: number, position: number): void {
  for (let written = 0; written < length; ) {
    written += file.write(bytes, written, length - written, position + written);
  }
}

/** Writes `bytes`, borrowed until then, off this thread. Rejects with what the system reports. */
export function writeLater(file: OpenFile, bytes: Uint8Array, position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    file.writeLater(bytes, position, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

/** As {@link writeLater}, for making durable what was written. */
export function syncLater(file: OpenFile): Promise<void> {
  return new Promise((resolve, reject) => {
    file.syncDataLater((error) => (error === undefined ? resolve() : reject(error)));
  });
}

/** Makes a durable file appear whole under its name: written aside, synced, renamed, directory synced. */
export function writeFileDurably(fs: FileSystem, path: string, bytes: Uint8Array): void {
  const temporary = `${path}.tmp`;
  const file = fs.open(temporary, "create", 0o600);
  try {
    writeFully(file, bytes, bytes.length, 0);
    file.sync();
  } finally {
    file.close();
  }
  fs.rename(temporary, path);
  fs.syncDirectory(directoryOf(path));
}

/** The directory a path lies in. */
export function directoryOf(path: string): string {
  const at = path.lastIndexOf("/");
  if (at < 0) return ".";
  return at === 0 ? "/" : path.slice(0, at);
}

/** Makes a directory and those above it, as far as they are missing, each durable in the one above. */
export function makeDirectoryDurably(fs: FileSystem, path: string, mode: number): void {
  if (fs.stat(path) !== undefined) return;
  const parent = directoryOf(path);
  if (parent !== path) makeDirectoryDurably(fs, parent, mode);
  fs.makeDirectory(path, mode);
  fs.syncDirectory(parent);
}
