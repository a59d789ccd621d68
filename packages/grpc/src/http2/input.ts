import type { Socket } from "node:net";
import { resumeNextTurn, type TurnMember } from "../turn.ts";
import type { GrpcLimits } from "../types.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";

/** What reading needs of its connection. */
export interface InputOwner extends FrameSink, TurnMember {
  /**
   * Whether reading more would only make more wait: too many answers are queued, or the socket takes nothing. Data that
   * waits for the peer's flow control is no reason, since what opens the window has to be read.
   */
  mustWriteFirst(): boolean;
  /** Has the connection write at the end of the turn, after which it calls {@link Input.onTurnEnd}. */
  markDirty(): void;
  /** A piece of input has been read as far as it goes; `carrying` when a frame is incomplete. */
  onInputRead(carrying: boolean): void;
}

/** Reads a socket into frames, no more of them in a turn than the connection's share, and not while it must write first. */
export class Input {
  readonly #owner: InputOwner;
  readonly #socket: Socket;
  readonly #limits: GrpcLimits;
  readonly #reader: FrameReader;
  #newStreamsLeft: number;
  /** The socket is paused; `left` is what has not been read of what it delivered. */
  #held = false;
  #left: Buffer | undefined;
  #resuming = false;
  #dropped = false;

  constructor(owner: InputOwner, socket: Socket, limits: GrpcLimits) {
    this.#owner = owner;
    this.#socket = socket;
    this.#limits = limits;
    this.#reader = new FrameReader(owner);
    this.#reader.framesLeft = limits.maxFramesPerTurn;
    this.#newStreamsLeft = limits.maxNewStreamsPerTurn;
  }

  /** Takes `chunk[start, ...)` from the socket. */
  take(chunk: Buffer, start = 0): void {
    if (this.#held) this.#left = this.#left === undefined ? chunk : Buffer.concat([this.#left, chunk]);
    else this.#read(chunk, start);
  }

  /** Stops after the present frame. */
  stop(): void {
    this.#reader.stopped = true;
  }

  /** A request began; after its share of them the connection waits for the next turn. */
  noteNewStream(): void {
    if (--this.#newStreamsLeft <= 0) this.#reader.framesLeft = 0;
  }

  /** The connection has written what it could. */
  onTurnEnd(): void {
    if (!this.#held) this.#renewShare();
    else if (!this.#owner.mustWriteFirst()) this.#askResume();
  }

  /** Goes on in a later turn. */
  resume(): void {
    this.#resuming = false;
    if (this.#dropped || !this.#held || this.#owner.mustWriteFirst()) return;
    this.#renewShare();
    this.#reader.stopped = false;
    this.#held = false;
    const left = this.#left;
    this.#left = undefined;
    if (left !== undefined) this.#read(left, 0);
    if (!this.#held) this.#socket.resume();
  }

  /**
   * Reads no more. What still comes is taken and dropped: unread input would turn the close into a reset that overtakes
   * what was written last.
   */
  drop(): void {
    this.#dropped = true;
    this.#reader.stopped = true;
    this.#left = undefined;
    if (this.#held) this.#socket.resume();
  }

  #read(chunk: Buffer, start: number): void {
    const at = this.#reader.read(chunk, start);
    if (this.#dropped) return;
    this.#owner.onInputRead(this.#reader.carrying);
    if (at < chunk.length) this.#left = chunk.subarray(at);
    if (at < chunk.length || this.#reader.stopped) this.#hold();
  }

  #hold(): void {
    this.#held = true;
    this.#socket.pause();
    if (this.#owner.mustWriteFirst()) this.#owner.markDirty();
    else this.#askResume();
  }

  #askResume(): void {
    if (this.#resuming) return;
    this.#resuming = true;
    resumeNextTurn(this.#owner);
  }

  #renewShare(): void {
    this.#reader.framesLeft = this.#limits.maxFramesPerTurn;
    this.#newStreamsLeft = this.#limits.maxNewStreamsPerTurn;
  }
}
