import { copyBytes, EMPTY_BYTES } from "@quorate/base";
import type { ConfState, Entry, HardState } from "@quorate/raft";
import { ProtoBuilder, ProtoFields } from "../proto-fields.ts";
import type { WalSnapshotRecord } from "./wal-contents.ts";

/**
 * The messages inside records. Written as etcd up to 3.6 writes them (scalars always, zero too); read in every dialect, where
 * absent is zero. Decoders answer undefined for bytes that are not such a message.
 */

/** raftpb.HardState: 1 term, 2 vote, 3 commit. */
export function encodeHardState(state: HardState): Uint8Array {
  return new ProtoBuilder().number(1, state.term).bigint(2, state.vote).number(3, state.commit).build();
}

/** A field it does not have means that the bytes are something else: the checksum does not cover a record's type. */
export function decodeHardState(bytes: Uint8Array): HardState | undefined {
  const fields = new ProtoFields(bytes);
  let [term, vote, commit] = [0, 0n, 0];
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    if (field === 1) term = fields.number();
    else if (field === 2) vote = fields.bigint();
    else if (field === 3) commit = fields.number();
    else fields.failed = true;
  }
  return fields.failed ? undefined : { term, vote, commit };
}

/** raftpb.Entry: 1 type, 2 term, 3 index, 4 data. The data is copied, so that the segment's memory can go. */
export function decodeEntry(bytes: Uint8Array): Entry | undefined {
  const fields = new ProtoFields(bytes);
  let [type, term, index] = [0, 0, 0];
  let data = EMPTY_BYTES;
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    if (field === 1) type = fields.number();
    else if (field === 2) term = fields.number();
    else if (field === 3) index = fields.number();
    else if (field === 4) data = fields.bytes();
    else fields.skip();
  }
  if (fields.failed || !Number.isSafeInteger(term) || !Number.isSafeInteger(index)) return undefined;
  return { term, index, type, data: data.length === 0 ? EMPTY_BYTES : copyBytes(data) };
}

/** raftpb.ConfState: 1 voters, 2 learners, 3 voters_outgoing, 4 learners_next (unpacked), 5 auto_leave. */
export function encodeConfState(confState: ConfState): Uint8Array {
  const builder = new ProtoBuilder();
  for (const id of confState.voters) builder.bigint(1, id);
  for (const id of confState.learners) builder.bigint(2, id);
  for (const id of confState.votersOutgoing) builder.bigint(3, id);
  for (const id of confState.learnersNext) builder.bigint(4, id);
  return builder.number(5, confState.autoLeave ? 1 : 0).build();
}

export function decodeConfState(bytes: Uint8Array): ConfState | undefined {
  const fields = new ProtoFields(bytes);
  const lists: bigint[][] = [[], [], [], []];
  let autoLeave = false;
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    const list = lists[field - 1];
    if (list !== undefined) list.push(fields.bigint());
    else if (field === 5) autoLeave = fields.number() !== 0;
    else fields.skip();
  }
  const [voters, learners, votersOutgoing, learnersNext] = lists as [bigint[], bigint[], bigint[], bigint[]];
  return fields.failed ? undefined : { voters, learners, votersOutgoing, learnersNext, autoLeave };
}

/** walpb.Snapshot: 1 index, 2 term, 3 conf_state. */
export function encodeWalSnapshot(record: WalSnapshotRecord): Uint8Array {
  const builder = new ProtoBuilder().number(1, record.index).number(2, record.term);
  if (record.confState !== undefined) builder.bytes(3, encodeConfState(record.confState));
  return builder.build();
}

export function decodeWalSnapshot(bytes: Uint8Array): WalSnapshotRecord | undefined {
  const fields = new ProtoFields(bytes);
  let [index, term] = [0, 0];
  let confState: ConfState | undefined;
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    if (field === 1) index = fields.number();
    else if (field === 2) term = fields.number();
    else if (field === 3) {
      confState = decodeConfState(fields.bytes());
      if (confState === undefined) fields.failed = true;
    } else fields.skip();
  }
  return fields.failed ? undefined : { index, term, confState };
}

/** etcdserverpb.Metadata: 1 NodeID, 2 ClusterID. */
export function encodeWalMetadata(memberId: bigint, clusterId: bigint): Uint8Array {
  return new ProtoBuilder().bigint(1, memberId).bigint(2, clusterId).build();
}

export function decodeWalMetadata(
  bytes: Uint8Array,
): { readonly memberId: bigint; readonly clusterId: bigint } | undefined {
  const fields = new ProtoFields(bytes);
  let [memberId, clusterId] = [0n, 0n];
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    if (field === 1) memberId = fields.bigint();
    else if (field === 2) clusterId = fields.bigint();
    else fields.skip();
  }
  return fields.failed ? undefined : { memberId, clusterId };
}
