import { createResponseHeader, encodeResponseHeader } from "../generated/rpc.ts";
import { varintSize, type Writer } from "../writer.ts";

const REVISION_TAG = 0x18;
const TERM_TAG = 0x20;

/** Writes response headers of one member: cluster and member ID are encoded once. Set `raftTerm` when it changes. */
export class HeaderBytes {
  readonly #ids: Uint8Array;
  raftTerm = 0;

  constructor(clusterId: bigint, memberId: bigint) {
    this.#ids = encodeResponseHeader(createResponseHeader({ clusterId, memberId }));
  }

  /** Writes field 1 of a response, the header, with the given revision. */
  write(writer: Writer, revision: number): void {
    const term = this.raftTerm;
    let size = this.#ids.length;
    if (revision !== 0) size += 1 + varintSize(revision);
    if (term !== 0) size += 1 + varintSize(term);
    writer.byte(0x0a);
    writer.varint(size);
    writer.raw(this.#ids);
    if (revision !== 0) {
      writer.byte(REVISION_TAG);
      writer.varint(revision);
    }
    if (term !== 0) {
      writer.byte(TERM_TAG);
      writer.varint(term);
    }
  }
}

/** Writes the header of a response inside a transaction: nothing but the revision. gRPC API page, section 2.1. */
export function writeInnerHeader(writer: Writer, revision: number): void {
  writer.byte(0x0a);
  writer.varint(1 + varintSize(revision));
  writer.byte(REVISION_TAG);
  writer.varint(revision);
}
