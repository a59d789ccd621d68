import { METHODS } from "node:http";
import type { Socket } from "node:net";
import type { Handshakes } from "./handshakes.ts";
import { PREFACE } from "./http2/frames.ts";

const PREFACE_BYTES = Buffer.from(PREFACE, "latin1");

const LONGEST_METHOD = Math.max(...METHODS.map((method) => method.length));

/** What TLS begins with: a record of the handshake (RFC 8446 section 5.1). No HTTP begins so. */
const HANDSHAKE_RECORD = 0x16;

/** A connection of which it is not known yet what it speaks. */
export interface Undecided {
  readonly socket: Socket;
  readonly sinceMs: number;
  /** Takes it if it speaks TLS; undefined where it must not. */
  readonly handshakes: Handshakes | undefined;
}

/** What becomes of it. */
export interface SniffOwner {
  /** It began with the HTTP/2 preface; `first` is all that has come, paused. */
  onHttp2(undecided: Undecided, first: Buffer): void;
  /** It began otherwise; all that has come is back in the socket. */
  onHttp1(undecided: Undecided): void;
  /** It begins a TLS handshake, and may; all that has come is back in the socket. */
  onTls(undecided: Undecided, handshakes: Handshakes): void;
  /** It began with something else, which nothing can be answered to; it is closed. */
  onNeither(undecided: Undecided, kind: "tls-on-plain-port" | "unknown-protocol", peer: string): void;
  /** It ended first. */
  onGone(undecided: Undecided): void;
}

/**
 * Reads the first bytes of a socket to tell HTTP/2, HTTP/1.1 and TLS apart on the same port. The first two begin with a method,
 * and `PRI` is none, so at most 24 bytes decide; what begins with no method at all is neither.
 */
export function sniff(undecided: Undecided, owner: SniffOwner): void {
  const { handshakes, socket } = undecided;
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
    const kind = classify(first);
    if (kind === "undecided") return;
    stop();
    if (kind === "http2") return owner.onHttp2(undecided, first);
    if (kind === "http1" || (kind === "tls" && handshakes !== undefined)) {
      socket.pause();
      socket.unshift(first);
      if (kind === "http1" || handshakes === undefined) owner.onHttp1(undecided);
      else owner.onTls(undecided, handshakes);
      return;
    }
    const peer = socket.remoteAddress ?? "";
    onGone();
    owner.onNeither(undecided, kind === "tls" ? "tls-on-plain-port" : "unknown-protocol", peer);
  };
  socket.on("data", onData);
  socket.on("end", onGone);
  socket.on("close", onGone);
  socket.on("error", onGone);
}

/** What the first bytes of a connection say it speaks. */
function classify(first: Buffer): "http2" | "http1" | "tls" | "neither" | "undecided" {
  if (first[0] === HANDSHAKE_RECORD) return "tls";
  const compared = Math.min(first.length, PREFACE_BYTES.length);
  if (first.compare(PREFACE_BYTES, 0, compared, 0, compared) === 0)
    return compared === PREFACE_BYTES.length ? "http2" : "undecided";
  const start = first.toString("latin1", 0, LONGEST_METHOD + 1);
  const space = start.indexOf(" ");
  if (space >= 0) return METHODS.includes(start.slice(0, space)) ? "http1" : "neither";
  return METHODS.some((method) => method.startsWith(start)) ? "undecided" : "neither";
}
