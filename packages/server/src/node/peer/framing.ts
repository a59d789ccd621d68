import { DecodeError, type Writer } from "@quorate/protocol";
import { createMessage, type Entry, type Message, MessageType } from "@quorate/raft";
import { ByteQueue, uint64At } from "./byte-queue.ts";
import { type EntryBlocks, putUint64, writeUint64 } from "./entry-blocks.ts";
import { decodeEntry, decodeMessage, writeMessage } from "./raft-message.ts";

/**
 * The two framings of peer streams, one state per connection. `message`: length (8 bytes, big-endian) and message.
 * `msgapp`: appends that continue the one before leave their envelope out. Peer protocol page, sections 4.3 and 4.4.
 */
export type StreamKind = "message" | "msgapp";

/** A frame beyond this is refused, as etcd does. */
export const FRAME_BYTES_MAX: number = 512 * 1024 * 1024;

const LINK_HEARTBEAT: Message = createMessage({ type: MessageType.Heartbeat });
const HEARTBEAT_FRAME = 0;
const ENTRIES_FRAME = 1;
const MESSAGE_FRAME = 2;

/** Writes frames. */
export interface FrameEncoder {
  /** Of one message. PERF: copies the entries' encoded form, which is shared by all peers. */
  write(writer: Writer, message: Message): void;
  /** What keeps an idle connection alive. */
  writeHeartbeat(writer: Writer): void;
}

/** Reads frames. */
export interface FrameDecoder {
  /** Takes a received chunk, shared, and hands on every message it completes. Throws DecodeError; the stream is then over. */
  push(chunk: Uint8Array): void;
}

export function frameEncoder(kind: StreamKind, blocks: EntryBlocks): FrameEncoder {
  return kind === "message" ? new MessageEncoder(blocks) : new AppendEncoder(blocks);
}

/** `remote` is the peer that writes, `local` the member that reads. */
export function frameDecoder(
  kind: StreamKind,
  ids: { readonly local: bigint; readonly remote: bigint },
  onMessage: (message: Message) => void,
): FrameDecoder {
  return kind === "message" ? new MessageDecoder(onMessage) : new AppendDecoder(ids, onMessage);
}

/** A heartbeat from nobody to nobody says that the connection lives; raft never sees it. */
function isLinkHeartbeat(message: Message): boolean {
  return message.type === MessageType.Heartbeat && message.from === 0n && message.to === 0n;
}

function writeFramedMessage(writer: Writer, message: Message, blocks: EntryBlocks): void {
  writeUint64(writer, 0);
  const start = writer.length;
  writeMessage(writer, message, blocks.fields(message.entries));
  putUint64(writer.buffer, start - 8, writer.length - start);
}

class MessageEncoder implements FrameEncoder {
  readonly #blocks: EntryBlocks;

  constructor(blocks: EntryBlocks) {
    this.#blocks = blocks;
  }

  write(writer: Writer, message: Message): void {
    writeFramedMessage(writer, message, this.#blocks);
  }

  writeHeartbeat(writer: Writer): void {
    writeFramedMessage(writer, LINK_HEARTBEAT, this.#blocks);
  }
}

class AppendEncoder implements FrameEncoder {
  readonly #blocks: EntryBlocks;
  #term = 0;
  #index = 0;

  constructor(blocks: EntryBlocks) {
    this.#blocks = blocks;
  }

  write(writer: Writer, message: Message): void {
    const { entries, index, term, logTerm } = message;
    if (this.#index === index && this.#term === logTerm && logTerm === term) {
      writer.byte(ENTRIES_FRAME);
      writeUint64(writer, entries.length);
      writer.raw(this.#blocks.framed(entries));
      writeUint64(writer, message.commit);
      this.#index += entries.length;
      return;
    }
    writer.byte(MESSAGE_FRAME);
    writeFramedMessage(writer, message, this.#blocks);
    this.#term = term;
    this.#index = lastIndex(message);
  }

  writeHeartbeat(writer: Writer): void {
    writer.byte(HEARTBEAT_FRAME);
  }
}

function lastIndex({ entries, index }: Message): number {
  return entries.at(-1)?.index ?? index;
}

function frameLength(bytes: Uint8Array): number {
  const length = uint64At(bytes);
  if (length > FRAME_BYTES_MAX) throw new DecodeError(`frame of ${length} bytes is too large`, 0);
  return length;
}

class MessageDecoder implements FrameDecoder {
  readonly #bytes = new ByteQueue();
  readonly #onMessage: (message: Message) => void;
  #length: number | undefined;

  constructor(onMessage: (message: Message) => void) {
    this.#onMessage = onMessage;
  }

  push(chunk: Uint8Array): void {
    this.#bytes.push(chunk);
    for (;;) {
      if (this.#length === undefined) {
        const header = this.#bytes.take(8);
        if (header === undefined) return;
        this.#length = frameLength(header);
      }
      const frame = this.#bytes.take(this.#length);
      if (frame === undefined) return;
      this.#length = undefined;
      const message = decodeMessage(frame);
      if (!isLinkHeartbeat(message)) this.#onMessage(message);
    }
  }
}

/** What the next bytes of the stream are. */
type Expected = "type" | "count" | "entryLength" | "entry" | "commit" | "messageLength" | "message";

class AppendDecoder implements FrameDecoder {
  readonly #bytes = new ByteQueue();
  readonly #local: bigint;
  readonly #remote: bigint;
  readonly #onMessage: (message: Message) => void;
  #expected: Expected = "type";
  /** Of the entry or message that is expected. */
  #length = 0;
  #entriesLeft = 0;
  #entries: Entry[] = [];
  /** Of the frame being read, so that it stays within {@link FRAME_BYTES_MAX} as a whole. */
  #frameBytes = 0;
  #term = 0;
  #index = 0;

  constructor(ids: { readonly local: bigint; readonly remote: bigint }, onMessage: (message: Message) => void) {
    this.#local = ids.local;
    this.#remote = ids.remote;
    this.#onMessage = onMessage;
  }

  push(chunk: Uint8Array): void {
    this.#bytes.push(chunk);
    for (;;) {
      const part = this.#bytes.take(this.#needed());
      if (part === undefined) return;
      this.#read(part);
    }
  }

  #needed(): number {
    switch (this.#expected) {
      case "type":
        return 1;
      case "entry":
      case "message":
        return this.#length;
      default:
        return 8;
    }
  }

  #read(part: Uint8Array): void {
    switch (this.#expected) {
      case "type":
        this.#readType(part[0] as number);
        return;
      case "count":
        this.#entriesLeft = uint64At(part);
        this.#expectEntry();
        return;
      case "entryLength":
        this.#length = frameLength(part);
        this.#frameBytes += 8 + this.#length;
        if (this.#frameBytes > FRAME_BYTES_MAX) throw new DecodeError("frame of entries is too large", 0);
        this.#expected = "entry";
        return;
      case "entry":
        this.#entries.push(decodeEntry(part, 0, part.length));
        this.#entriesLeft--;
        this.#expectEntry();
        return;
      case "commit":
        this.#finishEntries(uint64At(part));
        return;
      case "messageLength":
        this.#length = frameLength(part);
        this.#expected = "message";
        return;
      case "message":
        this.#finishMessage(decodeMessage(part));
        return;
    }
  }

  #readType(type: number): void {
    if (type === HEARTBEAT_FRAME) return;
    if (type === ENTRIES_FRAME) this.#expected = "count";
    else if (type === MESSAGE_FRAME) this.#expected = "messageLength";
    else throw new DecodeError(`unknown frame type ${type}`, 0);
  }

  #expectEntry(): void {
    this.#expected = this.#entriesLeft > 0 ? "entryLength" : "commit";
  }

  #finishEntries(commit: number): void {
    if (commit > Number.MAX_SAFE_INTEGER) throw new DecodeError("counter out of range", 0);
    const entries = this.#entries;
    const message = createMessage({
      type: MessageType.App,
      from: this.#remote,
      to: this.#local,
      term: this.#term,
      logTerm: this.#term,
      index: this.#index,
      entries,
      commit,
    });
    this.#index += entries.length;
    this.#entries = [];
    this.#frameBytes = 0;
    this.#expected = "type";
    this.#onMessage(message);
  }

  #finishMessage(message: Message): void {
    this.#expected = "type";
    this.#term = message.term;
    this.#index = lastIndex(message);
    if (!isLinkHeartbeat(message)) this.#onMessage(message);
  }
}
