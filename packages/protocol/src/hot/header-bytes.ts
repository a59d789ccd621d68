import { createResponseHeader, encodeResponseHeader } from "../generated/rpc.ts";
import { varintSize, type Writer } from "../writer.ts";

const HEADER_TAG = 0x0a;
const REVISION_TAG = 0x18;
const TERM_TAG = 0x20;
/** Four varints of ten bytes with their tags, behind a tag and a length. */
const HEADER_SIZE_MAX = 2 + 4 * 11;

/** Writes response headers of one member: cluster and member ID are encoded once. Set `raftTerm` when it changes. */
export class HeaderBytes {
  readonly #ids: Uint8Array;
  raftTerm = 0;

  constructor(clusterId: bigint, memberId: bigint) {
    this.#ids = encodeResponseHeader(createResponseHeader({ clusterId, memberId }));
  }

  /** Writes field 1 of a response, the header, with the given revision. */
  write(writer: Writer, revision: number): void {
    const ids = this.#ids;
    const term = this.raftTerm;
    writer.ensure(HEADER_SIZE_MAX);
    const start = writer.length + 2;
    const { buffer } = writer;
    buffer[start - 2] = HEADER_TAG;
    for (let i = 0; i < ids.length; i++) buffer[start + i] = ids[i] as number;
    writer.length = start + ids.length;
    if (revision !== 0) {
      writer.byte(REVISION_TAG);
      writer.varint(revision);
    }
    if (term !== 0) {
      writer.byte(TERM_TAG);
      writer.varint(term);
    }
    // One byte holds the length, which is below 128.
    buffer[start - 1] = writer.length - start;
  }
}

/** Writes the header of a response inside a transaction: nothing but the revision. gRPC API page, section 2.1. */
export function writeInnerHeader(writer: Writer, revision: number): void {
  writer.byte(HEADER_TAG);
  if (revision === 0) {
    writer.byte(0);
    return;
  }
  writer.byte(1 + varintSize(revision));
  writer.byte(REVISION_TAG);
  writer.varint(revision);
}
