import { bytesFromLatin1, EMPTY_BYTES, latin1FromBytes } from "@quorate/base";
import { createKeyValue, decodeEvent, encodeKeyValue } from "@quorate/protocol";
import type { Change, HistoryDone, RevisionChanges } from "../../src/change.ts";
import type { WatchSource } from "../../src/watch/source.ts";

/** What a test writes: a value to put, or undefined to delete. */
export type Write = readonly [key: string, value: string | undefined];

/** An event as the tests compare it. */
export interface SeenEvent {
  readonly type: "PUT" | "DELETE";
  readonly key: string;
  readonly revision: number;
  readonly value: string;
  readonly previous: string | undefined;
}

interface Version {
  readonly revision: number;
  readonly version: number;
  readonly value: string | undefined;
}

/** A store that is nothing but its history, and answers reads of it when the test says so. */
export class ModelStore implements WatchSource {
  revision = 1;
  compactedRevision = 0;
  readonly log: RevisionChanges[] = [];
  readonly #versions = new Map<string, Version[]>();
  readonly #pending: { from: number; to: number; done: HistoryDone }[] = [];
  /** Answer reads at once, or only in `answer`. */
  isImmediate = true;
  /** Most revisions that one read returns. */
  readRevisionCountMax = Number.POSITIVE_INFINITY;
  readCount = 0;

  /** Applies the writes as one revision and returns its changes; none, and no revision, if nothing changes. */
  write(...writes: Write[]): RevisionChanges | undefined {
    const changes: Change[] = [];
    const revision = this.revision + 1;
    for (const [key, value] of writes) {
      const versions = this.#versions.get(key) ?? [];
      const last = versions.at(-1);
      if (last?.revision === revision || (value === undefined && last?.value === undefined)) continue;
      const version = value === undefined ? 0 : (last?.version ?? 0) + 1;
      versions.push({ revision, version, value });
      this.#versions.set(key, versions);
      changes.push({
        key,
        tombstone: value === undefined,
        isCreation: version === 1,
        kv: encodeKv(key, revision, value ?? ""),
        // The hub has no use for these.
        createRevision: 0,
        modRevision: revision,
        subRevision: changes.length,
        previousMain: 0,
        previousSub: 0,
      });
    }
    if (changes.length === 0) return undefined;
    this.revision = revision;
    const entry = { revision, changes };
    this.log.push(entry);
    return entry;
  }

  history(from: number, to: number, done: HistoryDone): void {
    this.readCount++;
    this.#pending.push({ from, to, done });
    if (this.isImmediate) this.answer();
  }

  get pendingCount(): number {
    return this.#pending.length;
  }

  /** Answers the reads that wait, with what is not compacted by now. */
  answer(): void {
    for (const { from, to, done } of this.#pending.splice(0)) {
      const through = Math.min(to, from + this.readRevisionCountMax - 1);
      done(
        this.log.filter(
          ({ revision }) => revision >= from && revision <= through && revision >= this.compactedRevision,
        ),
        through,
      );
    }
  }

  valueBefore(key: string, revision: number): Uint8Array | undefined {
    if (revision - 1 < this.compactedRevision) return undefined;
    const before = this.#versions.get(key)?.findLast((version) => version.revision < revision);
    return before?.value === undefined ? undefined : encodeKv(key, before.revision, before.value);
  }

  /** The events of [from, to] in order, previous values as they are known with `compactedRevision` as it is now. */
  events(from: number, to: number): SeenEvent[] {
    const events: SeenEvent[] = [];
    for (const { revision, changes } of this.log) {
      if (revision < from || revision > to) continue;
      for (const change of changes) {
        const versions = this.#versions.get(change.key) ?? [];
        const at = versions.findIndex((version) => version.revision === revision);
        const value = versions[at]?.value;
        events.push({
          type: value === undefined ? "DELETE" : "PUT",
          key: change.key,
          revision,
          value: value ?? "",
          previous: versions[at - 1]?.value,
        });
      }
    }
    return events;
  }
}

/** A KeyValue with key, mod_revision and value. */
function encodeKv(key: string, modRevision: number, value: string): Uint8Array {
  return encodeKeyValue(createKeyValue({ key: bytesFromLatin1(key), modRevision, value: bytesFromLatin1(value) }));
}

/** An encoded event, as the tests compare it. */
export function decodeSeenEvent(event: Uint8Array): SeenEvent {
  const { type, kv, prevKv } = decodeEvent(event);
  return {
    type: type === 1 ? "DELETE" : "PUT",
    key: latin1FromBytes(kv?.key ?? EMPTY_BYTES),
    revision: kv?.modRevision ?? 0,
    value: latin1FromBytes(kv?.value ?? EMPTY_BYTES),
    previous: prevKv === undefined ? undefined : latin1FromBytes(prevKv.value),
  };
}
