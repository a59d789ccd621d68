/** What the store needs of leases; `Lessor` has it by its shape. Ids are signed 64-bit, 0n no lease; keys latin1 strings. */
export interface LeaseAttachments {
  exists(id: bigint): boolean;
  /** Attaches the key, taking it from the lease it had. False, and no change, when there is no such lease. */
  attach(id: bigint, key: string): boolean;
  /** Takes the key from its lease, if it has one. */
  detach(key: string): void;
  /** The lease the key is attached to; 0n for none. */
  leaseOf(key: string): bigint;
}

/** A world without leases: every lease is unknown. */
export const NO_LEASES: LeaseAttachments = {
  exists: () => false,
  attach: () => false,
  detach: () => undefined,
  leaseOf: () => 0n,
};
