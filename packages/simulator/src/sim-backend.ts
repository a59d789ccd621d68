import type { Backend, Bucket, BucketRecord, ScanDone } from "@quorate/mvcc";
import { MapBackend } from "@quorate/mvcc/testing";

/** A state machine's stored form at one moment. Never written to. */
export type Image = MapBackend;

/** The backend of a running member: in memory, since what a crash leaves is the newest barrier's image alone (ADR 1). */
export class SimBackend implements Backend {
  #live: MapBackend;

  constructor(image: Image | undefined) {
    this.#live = image === undefined ? new MapBackend() : image.copy();
  }

  /** The state of this moment. */
  freeze(): Image {
    return this.#live.copy();
  }

  /** Replaces everything, as an installed snapshot does. */
  replace(image: Image): void {
    this.#live = image.copy();
  }

  /** Answers the scans that wait, and those that come of it. */
  runScans(): void {
    this.#live.runScans();
  }

  getRevision(main: number, sub: number): Uint8Array | undefined {
    return this.#live.getRevision(main, sub);
  }

  putRevision(main: number, sub: number, tombstone: boolean, value: Uint8Array): void {
    this.#live.putRevision(main, sub, tombstone, value);
  }

  deleteRevision(main: number, sub: number, tombstone: boolean): void {
    this.#live.deleteRevision(main, sub, tombstone);
  }

  get(bucket: Bucket, key: Uint8Array): Uint8Array | undefined {
    return this.#live.get(bucket, key);
  }

  put(bucket: Bucket, key: Uint8Array, value: Uint8Array): void {
    this.#live.put(bucket, key, value);
  }

  delete(bucket: Bucket, key: Uint8Array): void {
    this.#live.delete(bucket, key);
  }

  list(bucket: Bucket): BucketRecord[] {
    return this.#live.list(bucket);
  }

  commit(): void {
    this.#live.commit();
  }

  scanRevisions(fromMain: number, fromSub: number, limit: number, done: ScanDone): void {
    this.#live.scanRevisions(fromMain, fromSub, limit, done);
  }

  sizeBytes(): number {
    return this.#live.sizeBytes();
  }

  sizeInUseBytes(): number {
    return this.#live.sizeInUseBytes();
  }
}
