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
}

/** Sends the state machine to members that are too far behind for the log, and takes it from the leader. Paper §7. */
export class SnapshotTransfer {
  readonly #deps: SnapshotTransferDeps;
  /** Files of snapshots that have come and are not installed, by index. */
  readonly #received = new Map<number, string>();

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

  /** Takes a snapshot to disk and then hands its message to the replica. Rejects when it cannot be kept. */
  async receive(message: Message, body: Readable): Promise<void> {
    const { logger, step, storage } = this.#deps;
    const index = message.snapshot?.index ?? 0;
    logger.info("receiving a database snapshot", { from: hexId(message.from), index });
    this.#received.set(index, await storage.receiveSnapshot(index, body));
    step(message);
  }

  /** The file of a snapshot that has come. */
  takeReceived(index: number): string | undefined {
    const path = this.#received.get(index);
    this.#received.clear();
    return path;
  }
}
