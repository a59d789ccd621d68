import type { Socket } from "node:net";
import { PREFACE } from "./http2/frames.ts";

const PREFACE_BYTES = Buffer.from(PREFACE, "latin1");

/** A connection of which it is not known yet what it speaks. */
export interface Undecided {
  readonly socket: Socket;
  readonly sinceMs: number;
}

/** What becomes of it. */
export interface SniffOwner {
  /** It began with the HTTP/2 preface; `first` is all that has come, paused. */
  onHttp2(undecided: Undecided, first: Buffer): void;
  /** It began otherwise; all that has come is back in the socket. */
  onHttp1(undecided: Undecided): void;
  /** It ended first. */
  onGone(undecided: Undecided): void;
}

/**
 * Reads the first bytes of a socket to tell HTTP/2 from HTTP/1.1 on the same port. Both begin with a method, and `PRI` is
 * none, so at most 24 bytes decide.
 */
export function sniff(socket: Socket, nowMs: number, owner: SniffOwner): Undecided {
  const undecided: Undecided = { socket, sinceMs: nowMs };
  let first: Buffer | undefined;
  const stop = (): void => {
    socket.off("data", onData);
    socket.off("end", onGone);
    socket.off("close", onGone);
    socket.off("error", onGone);
  };
  const onGone = (): void => {
    stop();
    // Another error may follow the first.
    socket.on("error", () => undefined);
    socket.destroy();
    owner.onGone(undecided);
  };
  const onData = (chunk: Buffer): void => {
    first = first === undefined ? chunk : Buffer.concat([first, chunk]);
    const compared = Math.min(first.length, PREFACE_BYTES.length);
    if (first.compare(PREFACE_BYTES, 0, compared, 0, compared) !== 0) {
      stop();
      socket.pause();
      socket.unshift(first);
      owner.onHttp1(undecided);
    } else if (compared === PREFACE_BYTES.length) {
      stop();
      owner.onHttp2(undecided, first);
    }
  };
  socket.on("data", onData);
  socket.on("end", onGone);
  socket.on("close", onGone);
  socket.on("error", onGone);
  return undecided;
}
