import type { Change } from "@quorate/mvcc";
import { Violation } from "./violation.ts";

/** What happened to a key at a revision; `value` undefined where it was deleted. */
interface Version {
  readonly revision: number;
  readonly value: string | undefined;
}

/**
 * What clients were told, against what the state machine did. Every revision is made once and the same on all members, which
 * gives a total order; answers must fit into it, and the order must respect real, that is simulated, time: whatever begins
 * after an answer was received sees at least that answer's revision.
 */
export class History {
  /** By key, in the order of revisions. */
  readonly #versions = new Map<string, Version[]>();
  readonly #digests: (string | undefined)[] = [];
  /** Acknowledged writes: by revision, what was written where. */
  readonly #acknowledged: { readonly revision: number; readonly key: string; readonly value: string | undefined }[] =
    [];
  /** Highest revision that any client was told of: no later request may be answered from before it. */
  floor = 0;
  readsChecked = 0;

  get writesAcknowledged(): number {
    return this.#acknowledged.length;
  }

  /** A member has made a revision. */
  revisionMade(member: bigint, revision: number, changes: readonly Change[], textOf: (change: Change) => Text): void {
    const texts = changes.map(textOf);
    const digest = texts.map(({ key, value }) => `${key}=${value}`).join(";");
    const known = this.#digests[revision];
    if (known !== undefined) {
      if (known !== digest) {
        throw new Violation(
          "state-machine safety",
          `member ${member} makes revision ${revision} ${digest}, not ${known}`,
        );
      }
      return;
    }
    this.#digests[revision] = digest;
    for (const { key, value } of texts) {
      let versions = this.#versions.get(key);
      if (versions === undefined) {
        versions = [];
        this.#versions.set(key, versions);
      }
      versions.push({ revision, value });
    }
  }

  /** A write that began when {@link floor} was `floor` is acknowledged with `revision`, having had an effect. */
  writeAcknowledged(key: string, value: string | undefined, revision: number, floor: number): void {
    if (revision <= floor) {
      throw new Violation("linearizability", `a write is revision ${revision}, after ${floor} had been told`);
    }
    const made = this.#versionAt(key, revision);
    if (made?.revision !== revision || made.value !== value) {
      throw new Violation("acknowledged write lost", `${key}=${value} is not what revision ${revision} holds`);
    }
    this.#acknowledged.push({ key, value, revision });
    this.floor = Math.max(this.floor, revision);
  }

  /** A linearizable read was answered from `revision`. */
  readAnswered(key: string, value: string | undefined, revision: number, floor: number): void {
    if (revision < floor) {
      throw new Violation("linearizability", `a read of ${key} is from ${revision}, after ${floor} had been told`);
    }
    const version = this.#versionAt(key, revision);
    if (version?.value !== value) {
      throw new Violation("linearizability", `a read of ${key} at ${revision} gives ${value}, not ${version?.value}`);
    }
    this.readsChecked++;
    this.floor = Math.max(this.floor, revision);
  }

  /** At the end every member holds, for each key, what the newest revision made of it. */
  checkFinal(member: bigint, revision: number, valueOf: (key: string) => string | undefined): void {
    if (revision < this.floor) {
      throw new Violation("acknowledged write lost", `member ${member} ends at ${revision}, ${this.floor} was told`);
    }
    for (const key of this.#versions.keys()) {
      const expected = this.#versionAt(key, revision)?.value;
      const found = valueOf(key);
      if (found === expected) continue;
      throw new Violation(
        "acknowledged write lost",
        `member ${member} has ${key}=${found} at the end, not ${expected}`,
      );
    }
  }

  #versionAt(key: string, revision: number): Version | undefined {
    const versions = this.#versions.get(key) ?? [];
    for (let i = versions.length - 1; i >= 0; i--) {
      const version = versions[i] as Version;
      if (version.revision <= revision) return version;
    }
    return undefined;
  }
}

/** A change of a key as text. */
export interface Text {
  readonly key: string;
  readonly value: string | undefined;
}
