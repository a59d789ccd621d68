import { createHash } from "node:crypto";
import { waitUntil } from "@quorate/testkit";
import { printable } from "../differential/step.ts";
import { type WatchEvent, WatchSession } from "../differential/watch-session.ts";
import type { EtcdApi } from "../etcd-api.ts";

const WATCH_ID = "1";
const DIGESTS_MAX = 10_000;
const SUMMARY_CHARS_MAX = 400;
const EVERYTHING = { key: Buffer.from([0]), range_end: Buffer.from([0]) };

/**
 * Everything that one member says ever happened: a watch of all keys from revision 1, opened again after the last event
 * whenever the member was away. Kept as a chain of hashes, so that members can be compared without the events.
 */
export class MemberHistory {
  readonly #api: EtcdApi;
  #digest = "";
  /** The newest ones, by revision, and what happened there, shortened. */
  readonly #digests = new Map<number, string>();
  readonly #summaries = new Map<number, string>();
  readonly breaches: string[] = [];
  #session: WatchSession | undefined;
  #pending: WatchEvent[] = [];
  #revision = 1;
  #events = 0;

  constructor(api: EtcdApi) {
    this.#api = api;
  }

  /** Every event up to this revision has been told, and perhaps some of a later one. */
  get revision(): number {
    return this.#revision;
  }

  get events(): number {
    return this.#events;
  }

  /** Opens the watch after the last whole revision. Rejects when the member does not answer. */
  async open(): Promise<void> {
    this.close();
    this.#pending = [];
    const session = new WatchSession(this.#api);
    this.#session = session;
    session.send({
      create_request: { ...EVERYTHING, start_revision: String(this.#revision + 1), prev_kv: true, watch_id: WATCH_ID },
    });
    const created = await session.control();
    if (created["canceled"] === true) throw new Error(`watch refused: ${String(created["cancel_reason"])}`);
  }

  close(): void {
    this.#take();
    this.#session?.close();
    this.#session = undefined;
  }

  /** Reads what has arrived up to and with `revision`, which must have been applied; waits for it. */
  async reach(revision: number, timeoutMs: number = 20_000): Promise<void> {
    await waitUntil(
      () => {
        this.#take();
        return this.#lastSeen() >= revision;
      },
      {
        what: `the events up to revision ${revision}`,
        timeoutMs,
        everyMs: 5,
        detail: () =>
          `the watch is at ${this.#lastSeen()}, unasked: ${JSON.stringify(this.#session?.takeUnexpected())}`,
      },
    );
    this.#fold(revision);
  }

  /** What happened up to and with a revision that was reached not long ago, as a digest. */
  digest(revision: number): string {
    const digest = this.#digests.get(revision);
    if (digest === undefined)
      throw new Error(`no digest for revision ${revision}, the history is at ${this.#revision}`);
    return digest;
  }

  /** Where this history and another first differ, up to `revision`, and what each tells of it; undefined if nowhere. */
  difference(other: MemberHistory, revision: number): string | undefined {
    if (this.digest(revision) === other.digest(revision)) return undefined;
    let first = revision;
    while (this.#differsAt(other, first - 1)) first -= 1;
    return `revision ${first}: ${this.#summaries.get(first)}| ${other.#summaries.get(first)}`;
  }

  #differsAt(other: MemberHistory, revision: number): boolean {
    const [own, theirs] = [this.#digests.get(revision), other.#digests.get(revision)];
    return own !== undefined && theirs !== undefined && own !== theirs;
  }

  #lastSeen(): number {
    return Number(this.#pending.at(-1)?.kv.mod_revision ?? this.#revision);
  }

  #take(): void {
    const session = this.#session;
    if (session === undefined) return;
    this.#pending.push(...session.events(WATCH_ID).splice(0));
    this.breaches.push(...session.breaches.splice(0));
    // The newest revision may not be whole yet.
    const newest = this.#lastSeen();
    this.#fold(newest - 1);
  }

  #fold(upTo: number): void {
    let count = 0;
    for (const event of this.#pending) {
      const revision = Number(event.kv.mod_revision);
      if (revision > upTo) break;
      if (revision > this.#revision + 1) this.breaches.push(`revision ${revision} follows ${this.#revision}`);
      this.#revision = revision;
      this.#digest = createHash("sha256").update(this.#digest).update(JSON.stringify(event)).digest("hex");
      this.#digests.set(revision, this.#digest);
      const before = this.#summaries.get(revision) ?? "";
      this.#summaries.set(revision, `${before}${JSON.stringify(event, printable)} `.slice(0, SUMMARY_CHARS_MAX));
      this.#digests.delete(revision - DIGESTS_MAX);
      this.#summaries.delete(revision - DIGESTS_MAX);
      count += 1;
    }
    this.#events += count;
    this.#pending.splice(0, count);
  }
}
