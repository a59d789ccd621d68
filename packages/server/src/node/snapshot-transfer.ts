import { Readable } from "node:stream";
import type { Histogram, Logger } from "@quorate/base";
import type { Message, Snapshot } from "@quorate/raft";
import { encodeV2Store, isDamage, type MemberStorage, type SnapshotStream } from "@quorate/storage";
import { hexId, type Membership } from "../core/index.ts";

export interface SnapshotTransferDeps {
  readonly storage: MemberStorage;
  readonly membership: Membership;
  readonly logger: Logger;
  /** Sends a snapshot message and the database file that belongs to it. Its outcome is told elsewhere. */
  readonly send: (message: Message, database: Readable) => void;
  /** Seconds that taking one in took. */
  readonly saved?: Histogram;
  /** The snapshot could not even be made. */
  readonly failed: (id: bigint) => void;
  /** Hands a message to the replica. */
  readonly step: (message: Message) => void;
  /** Whether the replica goes on from the snapshot at `index`, in place or about to be; asked right after `step`. */
  readonly isRestoredAt: (index: number) => boolean;
  /** The engine is damaged: nothing more may be served from it. */
  readonly fatal: (error: Error) => void;
}

/** Sends the state machine to members that are too far behind for the log, and takes it from the leader. Paper §7. */
export class SnapshotTransfer {
  readonly #deps: SnapshotTransferDeps;
  /** Files of snapshots that have come and are not in place, by index. */
  readonly #received = new Map<number, string>();
  readonly #arriving = new Set<number>();

  constructor(deps: SnapshotTransferDeps) {
    this.#deps = deps;
  }

  /** Freezes the state of this moment, which must be that after `snapshot.index`, and sends it. */
  send(message: Message, snapshot: Snapshot): void {
    const { failed, fatal, logger, membership, send, storage } = this.#deps;
    const fields = { to: hexId(message.to), index: snapshot.index };
    // Members of etcd 3.6 and older read the membership from here.
    const data = encodeV2Store({
      members: membership.list(),
      removed: membership.removedIds,
      clusterVersion: membership.clusterVersion,
    });
    const frozen = storage.backend.freeze();
    logger.info("sending a database snapshot", fields);
    storage.openSnapshot(frozen, snapshot).then(
      (stream) => send({ ...message, snapshot: { ...snapshot, data } }, readableOf(stream, fatal)),
      (error: unknown) => {
        logger.error("cannot make a database snapshot", { ...fields, error: String(error) });
        failed(message.to);
        if (isDamage(error)) fatal(error);
      },
    );
  }

  /**
   * Takes a snapshot to disk and then hands its message to the replica. Rejects when it cannot be kept, or is here already: its
   * file is not to be replaced while it is read.
   */
  async receive(message: Message, body: Readable): Promise<void> {
    const { isRestoredAt, logger, saved, step, storage } = this.#deps;
    const index = message.snapshot?.index ?? 0;
    const fields = { from: hexId(message.from), index };
    if (this.#arriving.has(index) || this.#received.has(index)) throw new Error(`snapshot at ${index} is here already`);
    logger.info("receiving a database snapshot", fields);
    this.#arriving.add(index);
    try {
      const beginMs = performance.now();
      const path = await storage.receiveSnapshot(index, body);
      saved?.observe((performance.now() - beginMs) / 1000);
      this.#received.set(index, path);
      step(message);
      if (isRestoredAt(index)) return;
      this.#received.delete(index);
      logger.info("the snapshot is not needed", fields);
      await storage.discardSnapshot(path);
    } finally {
      this.#arriving.delete(index);
    }
  }

  /** The file of a snapshot that has come. */
  pathOf(index: number): string | undefined {
    return this.#received.get(index);
  }

  /** The snapshot at `index` is in place, and the files of it and older ones are gone. */
  installed(index: number): void {
    for (const each of this.#received.keys()) if (each <= index) this.#received.delete(each);
  }
}

/** The same bytes; destroying it, at its end too, lets the snapshot go. Damage of what it is made from is `fatal`. */
function readableOf(stream: SnapshotStream, fatal: (error: Error) => void): Readable {
  return new Readable({
    highWaterMark: 1,
    read(): void {
      stream.next().then(
        // A copy: the socket holds it longer than until the next one.
        (chunk) => this.push(chunk === undefined ? null : Buffer.from(chunk)),
        (error: Error) => {
          this.destroy(error);
          if (isDamage(error)) fatal(error);
        },
      );
    },
    destroy(error, done): void {
      stream.close().then(
        () => done(error),
        (failure: Error) => done(error ?? failure),
      );
    },
  });
}
