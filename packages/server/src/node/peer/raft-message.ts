import { copyBytes, EMPTY_BYTES } from "@quorate/base";
import { DecodeError, Reader, varintSize, type Writer } from "@quorate/protocol";
import {
  type ConfState,
  createMessage,
  EMPTY_CONF_STATE,
  type Entry,
  entrySize,
  type Message,
  type Snapshot,
} from "@quorate/raft";

/**
 * `raftpb.Message` as it travels between members. Written as raft 3.5 and 3.6 write it, scalars always and zero too, because
 * every release reads that; read in every dialect, where absent is zero. Peer protocol page, section 10.
 */

const MESSAGE_SCALARS_BYTES_MAX = 128;
const VARINT = 0;
const LENGTH_DELIMITED = 2;

/** Bytes that {@link writeMessage} writes at the most. PERF: O(entries). */
export function messageSizeMax(message: Message, entriesBytes: number): number {
  const { snapshot, context } = message;
  return (
    MESSAGE_SCALARS_BYTES_MAX + entriesBytes + context.length + (snapshot === undefined ? 0 : snapshotSizeMax(snapshot))
  );
}

function snapshotSizeMax({ data, confState }: Snapshot): number {
  const { voters, learners, votersOutgoing, learnersNext } = confState;
  return data.length + 64 + 11 * (voters.length + learners.length + votersOutgoing.length + learnersNext.length);
}

/** Writes a message around `entries`, its entries as {@link writeEntryFields} writes them (borrowed). */
export function writeMessage(writer: Writer, message: Message, entries: Uint8Array): void {
  writer.ensure(messageSizeMax(message, entries.length));
  writer.byte(0x08);
  writer.varint(message.type);
  writer.byte(0x10);
  writer.bigint(message.to);
  writer.byte(0x18);
  writer.bigint(message.from);
  writer.byte(0x20);
  writer.varint(message.term);
  writer.byte(0x28);
  writer.varint(message.logTerm);
  writer.byte(0x30);
  writer.varint(message.index);
  writer.raw(entries);
  writer.byte(0x40);
  writer.varint(message.commit);
  if (message.snapshot !== undefined) writeSnapshot(writer, message.snapshot);
  writer.byte(0x50);
  writer.bool(message.reject);
  writer.byte(0x58);
  writer.varint(message.rejectHint);
  // An empty context must stay absent: a leader takes a present one for a read token.
  if (message.context.length > 0) {
    writer.byte(0x62);
    writer.bytes(message.context);
  }
  // Releases before raft 3.6 do not know the field.
  if (message.vote !== 0n) {
    writer.byte(0x68);
    writer.bigint(message.vote);
  }
}

function writeSnapshot(writer: Writer, { data, index, term, confState }: Snapshot): void {
  writer.byte(0x4a);
  const start = writer.begin();
  if (data.length > 0) {
    writer.byte(0x0a);
    writer.bytes(data);
  }
  writer.byte(0x12);
  const metadata = writer.begin();
  writer.byte(0x0a);
  const conf = writer.begin();
  writeIds(writer, 0x08, confState.voters);
  writeIds(writer, 0x10, confState.learners);
  writeIds(writer, 0x18, confState.votersOutgoing);
  writeIds(writer, 0x20, confState.learnersNext);
  writer.byte(0x28);
  writer.bool(confState.autoLeave);
  writer.end(conf);
  writer.byte(0x10);
  writer.varint(index);
  writer.byte(0x18);
  writer.varint(term);
  writer.end(metadata);
  writer.end(start);
}

function writeIds(writer: Writer, tag: number, ids: readonly bigint[]): void {
  for (const id of ids) {
    writer.byte(tag);
    writer.bigint(id);
  }
}

/** Writes one `raftpb.Entry`, {@link entrySize} bytes. */
export function writeEntry(writer: Writer, entry: Entry): void {
  writer.byte(0x08);
  writer.varint(entry.type);
  writer.byte(0x10);
  writer.varint(entry.term);
  writer.byte(0x18);
  writer.varint(entry.index);
  if (entry.data.length > 0) {
    writer.byte(0x22);
    writer.bytes(entry.data);
  }
}

/** Writes the `entries` field of a message. */
export function writeEntryFields(writer: Writer, entries: readonly Entry[]): void {
  let bytes = 0;
  for (let i = 0; i < entries.length; i++) {
    const size = entrySize(entries[i] as Entry);
    bytes += 1 + varintSize(size) + size;
  }
  writer.ensure(bytes);
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as Entry;
    writer.byte(0x3a);
    writer.varint(entrySize(entry));
    writeEntry(writer, entry);
  }
}

/** A message while it is read. */
type Draft = { -readonly [Field in keyof Message]: Message[Field] };

/**
 * The message in `bytes[start, end)`. Entry data are views of `bytes`, shared from now on; context and snapshot data are
 * copies. Throws DecodeError, also for counters beyond 2^53.
 */
export function decodeMessage(bytes: Uint8Array, start = 0, end: number = bytes.length): Message {
  const reader = new Reader(bytes, start, end);
  const draft: Draft = createMessage({ type: 0 });
  while (reader.position < reader.end) readField(reader, draft);
  // Releases up to 3.5 send an empty snapshot with every message.
  if (draft.snapshot !== undefined && isEmptySnapshot(draft.snapshot)) draft.snapshot = undefined;
  return draft;
}

function isEmptySnapshot({ index, term, data }: Snapshot): boolean {
  return index === 0 && term === 0 && data.length === 0;
}

function readField(reader: Reader, draft: Draft): void {
  const tag = reader.tag();
  switch (tag) {
    case 0x08:
      draft.type = reader.int32();
      return;
    case 0x10:
      draft.to = reader.uint64Big();
      return;
    case 0x18:
      draft.from = reader.uint64Big();
      return;
    case 0x20:
      draft.term = counter(reader);
      return;
    case 0x28:
      draft.logTerm = counter(reader);
      return;
    case 0x30:
      draft.index = counter(reader);
      return;
    case 0x3a:
      addEntry(draft, nested(reader, readEntry));
      return;
    case 0x40:
      draft.commit = counter(reader);
      return;
    case 0x4a:
      draft.snapshot = nested(reader, readSnapshot);
      return;
    case 0x50:
      draft.reject = reader.bool();
      return;
    case 0x58:
      draft.rejectHint = counter(reader);
      return;
    case 0x62:
      draft.context = copyBytes(reader.view());
      return;
    case 0x68:
      draft.vote = reader.uint64Big();
      return;
    default:
      skipUnknown(reader, tag, 13);
  }
}

/** The empty list that a message begins with is shared by all. */
function addEntry(draft: Draft, entry: Entry): void {
  if (draft.entries.length === 0) draft.entries = [entry];
  else (draft.entries as Entry[]).push(entry);
}

/** The entry in `bytes[start, end)`; its data is a view. Throws DecodeError. */
export function decodeEntry(bytes: Uint8Array, start: number, end: number): Entry {
  return readEntry(new Reader(bytes, start, end));
}

/** Reads an entry up to the reader's end. */
export function readEntry(reader: Reader): Entry {
  let type = 0;
  let term = 0;
  let index = 0;
  let data = EMPTY_BYTES;
  while (reader.position < reader.end) {
    const tag = reader.tag();
    if (tag === 0x08) type = reader.int32();
    else if (tag === 0x10) term = counter(reader);
    else if (tag === 0x18) index = counter(reader);
    else if (tag === 0x22) data = reader.view();
    else skipUnknown(reader, tag, 4);
  }
  return { term, index, type, data };
}

function readSnapshot(reader: Reader): Snapshot {
  let data = EMPTY_BYTES;
  let metadata: Metadata = { index: 0, term: 0, confState: EMPTY_CONF_STATE };
  while (reader.position < reader.end) {
    const tag = reader.tag();
    if (tag === 0x0a) data = copyBytes(reader.view());
    else if (tag === 0x12) metadata = nested(reader, readMetadata);
    else skipUnknown(reader, tag, 2);
  }
  return { ...metadata, data };
}

type Metadata = Omit<Snapshot, "data">;

function readMetadata(reader: Reader): Metadata {
  let index = 0;
  let term = 0;
  let confState = EMPTY_CONF_STATE;
  while (reader.position < reader.end) {
    const tag = reader.tag();
    if (tag === 0x0a) confState = nested(reader, readConfState);
    else if (tag === 0x10) index = counter(reader);
    else if (tag === 0x18) term = counter(reader);
    else skipUnknown(reader, tag, 3);
  }
  return { index, term, confState };
}

function readConfState(reader: Reader): ConfState {
  const lists: readonly bigint[][] = [[], [], [], []];
  let autoLeave = false;
  while (reader.position < reader.end) {
    const tag = reader.tag();
    const list = lists[(tag >>> 3) - 1];
    if (list !== undefined && (tag & 7) === VARINT) list.push(reader.uint64Big());
    else if (list !== undefined && (tag & 7) === LENGTH_DELIMITED) readPacked(reader, list);
    else if (tag === 0x28) autoLeave = reader.bool();
    else skipUnknown(reader, tag, 5);
  }
  const [voters, learners, votersOutgoing, learnersNext] = lists as [bigint[], bigint[], bigint[], bigint[]];
  return { voters, learners, votersOutgoing, learnersNext, autoLeave };
}

function readPacked(reader: Reader, into: bigint[]): void {
  const outer = reader.enter(reader.delimited());
  while (reader.position < reader.end) into.push(reader.uint64Big());
  reader.leave(outer);
}

function nested<T>(reader: Reader, read: (reader: Reader) => T): T {
  const outer = reader.enter(reader.delimited());
  const value = read(reader);
  reader.leave(outer);
  return value;
}

/** Terms and indexes are numbers here; one that could not be exact is refused. */
function counter(reader: Reader): number {
  const value = reader.uint64();
  if (value > Number.MAX_SAFE_INTEGER) throw new DecodeError("counter out of range", reader.position);
  return value;
}

/** A field of a number up to `lastKnown` that comes here has a type that is not its own. */
function skipUnknown(reader: Reader, tag: number, lastKnown: number): void {
  if (tag >>> 3 <= lastKnown)
    throw new DecodeError(`wrong wire type ${tag & 7} for field ${tag >>> 3}`, reader.position);
  reader.skip(tag);
}
