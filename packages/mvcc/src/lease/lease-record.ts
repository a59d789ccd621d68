import { createLease, decodeLease, encodeLease } from "@quorate/protocol";

/** The key of a lease in the bucket `lease`: its id, 8 bytes, big-endian. Source: etcd `server/storage/schema/lease.go`. */
export function leaseKey(id: bigint): Uint8Array {
  const key = new Uint8Array(8);
  new DataView(key.buffer).setBigInt64(0, id);
  return key;
}

/** The value of a lease in the bucket `lease`: a `leasepb.Lease`. */
export function leaseRecord(id: bigint, ttl: number, remainingTtl: number): Uint8Array {
  return encodeLease(createLease({ id, ttl, remainingTtl }));
}

/** What {@link leaseRecord} wrote. Throws `DecodeError` for anything else. */
export function leaseOfRecord(value: Uint8Array): { id: bigint; ttl: number; remainingTtl: number } {
  return decodeLease(value);
}
