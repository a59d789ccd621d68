import type { FileSystem } from "@quorate/base";

const FIRST = "db";
const BUILDING = "db.building";
const INSTALLED = /^db\.([0-9a-f]{16})$/;

/**
 * Where a member's engine lies: in `db` as long as it is the member's first one, in `db.<index>` since a snapshot of that index
 * of the log was installed. An engine gets such a name only when it is whole and the log knows of the snapshot, so the highest
 * index counts. `db.building` is one in the making.
 */
export class EngineDirectories {
  readonly #fs: FileSystem;
  readonly #member: string;

  constructor(fs: FileSystem, member: string) {
    this.#fs = fs;
    this.#member = member;
  }

  /** The directory of the engine that counts, whether it exists or not. */
  current(): string {
    const newest = this.#names()
      .filter((name) => INSTALLED.test(name))
      .at(-1);
    return `${this.#member}/${newest ?? FIRST}`;
  }

  get building(): string {
    return `${this.#member}/${BUILDING}`;
  }

  /** Gives the engine in the making, which is closed, its name: from now on it counts. Returns the directory. */
  install(index: number): string {
    const path = `${this.#member}/${FIRST}.${index.toString(16).padStart(16, "0")}`;
    this.#fs.rename(this.building, path);
    this.#fs.syncDirectory(this.#member);
    return path;
  }

  /** Every engine but that which counts. */
  others(): string[] {
    const current = this.current();
    return this.#names()
      .filter((name) => name === FIRST || name === BUILDING || INSTALLED.test(name))
      .map((name) => `${this.#member}/${name}`)
      .filter((path) => path !== current);
  }

  #names(): string[] {
    return this.#fs.list(this.#member);
  }
}
