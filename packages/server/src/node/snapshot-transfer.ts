import { createReadStream, unlink } from "node:fs";
import type { Readable } from "node:stream";
import type { Logger } from "@quorate/base";
import type { Message, Snapshot } from "@quorate/raft";
import { encodeV2Store, type MemberStorage } from "@quorate/storage";
import { hexId, type Membership } from "../core/index.ts";

export interface SnapshotTransferDeps {
  readonly storage: MemberStorage;
  readonly membership: Membership;
  readonly logger: Logger;
  /** Sends a snapshot message and the database file that belongs to it. Its outcome is told elsewhere. */
  readonly send: (message: Message, database: Readable) => void;
  /** The snapshot could not even be made. */
  readonly failed: (id: bigint) => void;
  /** Hands a message to the replica. */
  readonly step: (message: Message) => void;
  /** Whether the replica goes on from the snapshot at `index`, in place or about to be; asked right after `step`. */
  readonly isRestoredAt: (index: number) => boolean;
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
    const { failed, logger, membership, send, storage } = this.#deps;
    const fields = { to: hexId(message.to), index: snapshot.index };
    // Members of etcd 3.6 and older read the membership from here.
    const data = encodeV2Store({
      members: membership.list(),
      removed: membership.removedIds,
      clusterVersion: membership.clusterVersion,
    });
    const frozen = storage.backend.freeze();
    logger.info("sending a database snapshot", fields);
    storage.snapshotFile(frozen, snapshot).then(
      ({ path }) => {
        const database = createReadStream(path, { highWaterMark: 256 * 1024 });
        database.once("close", () => unlink(path, () => {}));
        send({ ...message, snapshot: { ...snapshot, data } }, database);
      },
      (error: unknown) => {
        logger.error("cannot make a database snapshot", { ...fields, error: String(error) });
        failed(message.to);
      },
    );
  }

  /**
   * Takes a snapshot to disk and then hands its message to the replica. Rejects when it cannot be kept, or is here already: its
   * file is not to be replaced while it is read.
   */
  async receive(message: Message, body: Readable): Promise<void> {
    const { isRestoredAt, logger, step, storage } = this.#deps;
    const index = message.snapshot?.index ?? 0;
    const fields = { from: hexId(message.from), index };
    if (this.#arriving.has(index) || this.#received.has(index)) throw new Error(`snapshot at ${index} is here already`);
    logger.info("receiving a database snapshot", fields);
    this.#arriving.add(index);
    try {
      const path = await storage.receiveSnapshot(index, body);
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
