import type { Logger } from "@quorate/base";
import type { StreamCall, StreamHandler } from "@quorate/grpc";
import { createSnapshotResponse, decodeSnapshotRequest, encodeSnapshotResponse } from "@quorate/protocol";
import { isDamage, type SnapshotStream } from "@quorate/storage";
import { storageVersionOf } from "../../core/index.ts";
import type { SavedSnapshots } from "../saved-snapshots.ts";
import type { NodeContext } from "./node-context.ts";
import { failUndecodableStream } from "./reply.ts";

/** Bytes of the database in a message: eight times etcd's, which costs etcdctl two thirds of the CPU. */
const BLOB_BYTES = 256 * 1024;
/** What stands before a blob of so many bytes in an encoded answer: the field's tag, the length. */
const BLOB_START: Uint8Array = encodeSnapshotResponse(
  createSnapshotResponse({ blob: new Uint8Array(BLOB_BYTES) }),
).slice(0, -BLOB_BYTES);
const INTERNAL = 13;

export interface SnapshotDeps {
  readonly snapshots: SavedSnapshots;
  readonly logger: Logger;
  /** The engine is damaged: nothing more may be served from it. */
  readonly fatal: (error: Error) => void;
}

/** One answer: the database in blobs, and its digest behind them. */
class SnapshotAnswer {
  readonly #context: NodeContext;
  readonly #call: StreamCall;
  readonly #snapshots: SavedSnapshots;
  readonly #logger: Logger;
  readonly #fatal: (error: Error) => void;
  readonly #version: string;
  /** The encoded version alone: the field behind the blob. */
  readonly #blobEnd: Uint8Array;
  /** Blobs whose memory is still looked at. */
  #lent = 0;
  /** Aborted: the call has gone, and its object may be another's. */
  readonly #gone = new AbortController();
  #wake: () => void = () => {};

  constructor(context: NodeContext, call: StreamCall, { fatal, logger, snapshots }: SnapshotDeps) {
    this.#context = context;
    this.#call = call;
    this.#snapshots = snapshots;
    this.#logger = logger;
    this.#fatal = fatal;
    this.#version = storageVersionOf(context.membership.clusterVersion) ?? "";
    this.#blobEnd = encodeSnapshotResponse(createSnapshotResponse({ version: this.#version }));
    call.onDrain = () => this.#wake();
  }

  readonly cancel = (): void => {
    this.#gone.abort();
    this.#wake();
  };

  get #isGone(): boolean {
    return this.#gone.signal.aborted;
  }

  /** Rejects where the snapshot cannot be closed; the call has ended then. */
  async run(): Promise<void> {
    let snapshot: SnapshotStream | undefined;
    try {
      snapshot = await this.#snapshots.open(this.#context.whenServing, this.#gone.signal);
      this.#logger.info("sending database snapshot to client", { bytes: snapshot.bytes });
      await this.#send(snapshot);
      if (this.#isGone) return;
      this.#sendBlob(0, snapshot.digest());
      this.#call.end();
      this.#logger.info("successfully sent database snapshot to client", { bytes: snapshot.bytes });
    } catch (error) {
      if (isDamage(error)) this.#fatal(error);
      if (this.#isGone) return;
      this.#logger.error("cannot send a database snapshot to a client", { error: String(error) });
      this.#call.fail(INTERNAL, error instanceof Error ? error.message : String(error));
    } finally {
      await snapshot?.close();
    }
  }

  async #send(snapshot: SnapshotStream): Promise<void> {
    let left = snapshot.bytes;
    while (!this.#isGone) {
      const chunk = await snapshot.next();
      if (chunk === undefined) return;
      for (let at = 0; at < chunk.length && !this.#isGone; at += BLOB_BYTES) {
        const blob = chunk.subarray(at, at + BLOB_BYTES);
        left -= blob.length;
        if (blob.length === BLOB_BYTES) this.#lendBlob(left, blob);
        else this.#sendBlob(left, blob);
      }
      while (this.#lent > 0 && !this.#isGone) await this.#woken();
      // Others have their turn: a client that takes all at once would keep this going from one chunk to the next.
      await new Promise((resolve) => setImmediate(resolve));
      while (!this.#isGone && !this.#call.writable) await this.#woken();
    }
  }

  /** Without copies of the blob for the garbage collector to clear away, which would cost everybody's requests. */
  #lendBlob(remainingBytes: number, blob: Uint8Array): void {
    const start = encodeSnapshotResponse(createSnapshotResponse({ remainingBytes }));
    const length = start.length + BLOB_START.length + blob.length + this.#blobEnd.length;
    this.#lent++;
    this.#call.sendBorrowed([start, BLOB_START, blob, this.#blobEnd], length, this.#onTaken);
  }

  readonly #onTaken = (): void => {
    if (--this.#lent === 0) this.#wake();
  };

  #sendBlob(remainingBytes: number, blob: Uint8Array): void {
    const response = createSnapshotResponse({ remainingBytes, blob, version: this.#version });
    this.#call.send(encodeSnapshotResponse(response));
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** `etcdserverpb.Maintenance/Snapshot`. gRPC API page, section 9.4. */
export function snapshotHandler(context: NodeContext, deps: SnapshotDeps): StreamHandler {
  return (call) => {
    call.onMessage = (message) => {
      try {
        decodeSnapshotRequest(message);
      } catch (error) {
        failUndecodableStream(call, error);
        return;
      }
      const answer = new SnapshotAnswer(context, call, deps);
      call.onCancel = answer.cancel;
      answer.run().catch((error: unknown) => {
        if (isDamage(error)) deps.fatal(error);
        deps.logger.error("cannot close a database snapshot", { error: String(error) });
      });
    };
  };
}
