import type { Backend } from "@quorate/mvcc";

/** gRPC API page, section 9.3. What puts cost is the store's to say. */
const LEASE_COST_BYTES = 64;

/** Bytes a lease counts for. */
export function leaseCostBytes(): number {
  return LEASE_COST_BYTES;
}

/** The limit on the backend's size on disk. Local to a member: others may have another. */
export class Quota {
  readonly #backend: Backend;
  /** Undefined: no limit. */
  readonly #limitBytes: number | undefined;

  constructor(backend: Backend, limitBytes: number | undefined) {
    this.#backend = backend;
    this.#limitBytes = limitBytes;
  }

  /** Whether a request of this cost still fits. */
  admits(costBytes: number): boolean {
    return (
      costBytes === 0 || this.#limitBytes === undefined || this.#backend.sizeBytes() + costBytes < this.#limitBytes
    );
  }
}
