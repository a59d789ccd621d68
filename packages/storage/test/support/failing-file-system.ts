import type { FileSystem, OpenFile } from "@quorate/base";
import { NODE_FILE_SYSTEM } from "@quorate/storage";

const CHANGES = new Set(["rename", "syncDirectory", "removeFile", "removeFileLater", "removeDirectory", "open"]);
const FILE_CHANGES = new Set(["write", "writeLater", "truncate", "sync", "syncData", "syncDataLater"]);

/** The machine's files, of which one change fails, and all that follow, as a disk does that has gone. */
export class FailingFileSystem {
  /** Changes made so far. */
  count = 0;
  /** The first change that fails. */
  failsFrom: number = Number.POSITIVE_INFINITY;
  readonly fs: FileSystem = this.#wrap(NODE_FILE_SYSTEM, CHANGES);

  #wrap<T extends object>(target: T, changes: ReadonlySet<string>): T {
    return new Proxy(target, {
      get: (inner, name): unknown => {
        const member = Reflect.get(inner, name) as unknown;
        if (typeof member !== "function") return member;
        return (...given: unknown[]): unknown => {
          const isRead = name === "open" && given[1] === "read";
          if (changes.has(String(name)) && !isRead && ++this.count >= this.failsFrom) return this.#fail(given.at(-1));
          const result = (member as (...all: unknown[]) => unknown).apply(inner, given);
          return name === "open" ? this.#wrap(result as OpenFile, FILE_CHANGES) : result;
        };
      },
    });
  }

  #fail(last: unknown): void {
    const error = Object.assign(new Error("EIO: the disk has gone"), { code: "EIO" });
    if (typeof last !== "function") throw error;
    setImmediate(() => (last as (error: Error) => void)(error));
  }
}
