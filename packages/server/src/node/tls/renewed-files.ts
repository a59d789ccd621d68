import { statSync } from "node:fs";
import type { Logger } from "@quorate/base";
import { errorText } from "../peer/peer-dialer.ts";

/** Files that could not be used are tried again after so long though they look the same: what failed may have been the reading. */
const RETRY_MS = 1000;

/**
 * A value made from files, made anew when they have changed: whoever needs it for a new connection asks, which costs a look at
 * each file. Files that cannot be used, such as a certificate whose key is still to come, leave what was there before in use, with
 * one warning until they can be used again.
 */
export class RenewedFiles<T> {
  readonly #paths: readonly string[];
  readonly #logger: Logger;
  readonly #make: () => T;
  readonly #nowMs: () => number;
  #signature: string;
  #value: T;
  /** When to try once more what failed; infinite while the value is that of the files. */
  #retryAtMs = Number.POSITIVE_INFINITY;

  /** Throws what `make` throws when the files cannot be used at the start. `nowMs`: monotonic milliseconds. */
  constructor(
    paths: readonly (string | undefined)[],
    logger: Logger,
    make: () => T,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#paths = paths.filter((path) => path !== undefined);
    this.#logger = logger;
    this.#make = make;
    this.#nowMs = nowMs;
    // Looked at first: what changes while it is read differs from it, and is read again.
    this.#signature = this.#look();
    this.#value = make();
  }

  /** The same object as before while nothing has changed. Never throws. */
  current(): T {
    const signature = this.#look();
    if (signature === this.#signature && !this.#isRetryDue()) return this.#value;
    this.#signature = signature;
    try {
      this.#value = this.#make();
      this.#retryAtMs = Number.POSITIVE_INFINITY;
      this.#logger.info("read the changed TLS files", { files: this.#paths });
    } catch (error) {
      if (!this.#hasFailed()) this.#warn(error);
      this.#retryAtMs = this.#nowMs() + RETRY_MS;
    }
    return this.#value;
  }

  #hasFailed(): boolean {
    return this.#retryAtMs !== Number.POSITIVE_INFINITY;
  }

  #isRetryDue(): boolean {
    return this.#hasFailed() && this.#nowMs() >= this.#retryAtMs;
  }

  #warn(error: unknown): void {
    // Half of a pair may have been replaced: the other half changes the signature again.
    this.#logger.warn("cannot use the changed TLS files; the ones before stay in use", {
      files: this.#paths,
      error: errorText(error),
    });
  }

  /** Changes whenever one of the files does. */
  #look(): string {
    return this.#paths.map(lookAt).join(",");
  }
}

function lookAt(path: string): string {
  try {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) return "none";
    // Permissions change neither size nor mtime. They are here beside ctime because file systems tell time in steps of milliseconds.
    return `${stat.ino} ${stat.mode} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`;
  } catch (error) {
    // A directory that cannot be searched any more, say: reading tells what is wrong.
    return String(error);
  }
}
