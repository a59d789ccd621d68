import { quorumPosition } from "./quorum.ts";
import type { ConfState } from "./state.ts";

/** A read request: who asked, with which context of his own, and the commit index when he did. */
export interface ReadRequest {
  readonly from: bigint;
  readonly context: Uint8Array;
  readonly index: number;
}

/**
 * The read requests of a leader that a quorum has not confirmed. Requests have running positions; a heartbeat carries the
 * newest position as its token, and an echo confirms for its sender that we were leader when that request came, and with it
 * all earlier ones. So a lost round costs nothing: any later heartbeat repairs it. Source: dissertation §6.4, raft 3.7.
 */
export class ReadQueue {
  #requests: ReadRequest[] = [];
  /** Position of the newest request that has been confirmed. */
  #confirmed = 0;
  readonly #acknowledged = new Map<bigint, number>();
  readonly #positionOf = (id: bigint): number | undefined => this.#acknowledged.get(id);

  get count(): number {
    return this.#requests.length;
  }

  /** What a heartbeat carries: undefined while nothing waits. */
  get token(): Uint8Array | undefined {
    return this.#requests.length === 0 ? undefined : encodeToken(this.#confirmed + this.#requests.length);
  }

  add(request: ReadRequest, self: bigint): void {
    this.#requests.push(request);
    this.#acknowledged.set(self, this.#confirmed + this.#requests.length);
  }

  /** A member echoed a token: the requests a quorum has now confirmed, in order. A token we never sent changes nothing. */
  acknowledge(id: bigint, token: Uint8Array, conf: ConfState): readonly ReadRequest[] {
    const position = decodeToken(token);
    if (position === undefined || position > this.#confirmed + this.#requests.length) return [];
    this.#acknowledged.set(id, Math.max(this.#acknowledged.get(id) ?? 0, position));
    return this.takeConfirmed(conf);
  }

  /** The requests that a quorum of `conf` has confirmed and that were not taken yet, in order. */
  takeConfirmed(conf: ConfState): readonly ReadRequest[] {
    const reached = quorumPosition(conf, this.#positionOf);
    const count = Math.min(reached - this.#confirmed, this.#requests.length);
    if (count <= 0) return [];
    this.#confirmed += count;
    return this.#requests.splice(0, count);
  }

  /** Nothing waits any more: the term is over. */
  reset(): void {
    this.#requests = [];
    this.#confirmed = 0;
    this.#acknowledged.clear();
  }
}

const TOKEN_BYTES = 8;

/** Eight bytes, little endian. */
function encodeToken(position: number): Uint8Array {
  const token = new Uint8Array(TOKEN_BYTES);
  let rest = position;
  for (let i = 0; i < TOKEN_BYTES; i++) {
    token[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return token;
}

function decodeToken(token: Uint8Array): number | undefined {
  if (token.length !== TOKEN_BYTES) return undefined;
  let position = 0;
  for (let i = TOKEN_BYTES - 1; i >= 0; i--) position = position * 256 + (token[i] as number);
  return Number.isSafeInteger(position) ? position : undefined;
}
