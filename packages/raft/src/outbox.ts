import { type Message, MessageType } from "./message.ts";

/**
 * Messages that depend on the same write. Beyond that the oldest are dropped: the disk has been hanging for long, they are
 * stale, and a member must cope with lost messages anyway.
 */
export const HELD_MAX = 1024;

/** Messages that leave when Ready number `ready` is durable. */
interface Held {
  readonly ready: number;
  readonly messages: Message[];
}

/**
 * What goes out. A message that promises something about this member's disk (a vote, an acknowledgement) is held until all
 * it depends on is durable; anything else leaves with the next Ready. Messages to ourselves go the same way, so that our own
 * vote counts no sooner than anybody else's.
 */
export class Outbox {
  #sendable: Message[] = [];
  /** Held back, and not yet tied to a Ready. */
  #fresh: Message[] = [];
  readonly #held: Held[] = [];

  get hasSendable(): boolean {
    return this.#sendable.length > 0;
  }

  get hasFresh(): boolean {
    return this.#fresh.length > 0;
  }

  send(message: Message): void {
    this.#sendable.push(message);
  }

  /** Sends once everything that has happened up to now is durable. */
  sendWhenDurable(message: Message): void {
    add(this.#fresh, message);
  }

  /** Hands out what may leave. */
  take(): readonly Message[] {
    const messages = this.#sendable;
    // Never the live array: what is sent later belongs to a later Ready.
    if (messages.length === 0) return NO_MESSAGES;
    this.#sendable = [];
    return messages;
  }

  /** What is held from now on depends on Ready number `ready`. */
  holdFor(ready: number): void {
    if (this.#fresh.length === 0) return;
    const last = this.#held.length === 0 ? undefined : this.#held[this.#held.length - 1];
    // While the disk hangs this goes on and on for the same Ready, and must not add up.
    if (last?.ready === ready) for (const message of this.#fresh) add(last.messages, message);
    else this.#held.push({ ready, messages: this.#fresh });
    this.#fresh = [];
  }

  /** Nothing is in flight: hands out what is held. */
  takeFresh(): readonly Message[] {
    const messages = this.#fresh;
    this.#fresh = [];
    return messages;
  }

  /** Ready number `ready` is durable: hands out what waited for it. */
  takeHeld(ready: number): readonly Message[] {
    let count = 0;
    while (count < this.#held.length && (this.#held[count] as Held).ready <= ready) count++;
    if (count === 0) return NO_MESSAGES;
    const released = this.#held.splice(0, count);
    return count === 1 ? (released[0] as Held).messages : released.flatMap((held) => held.messages);
  }
}

const NO_MESSAGES: readonly Message[] = [];

function add(messages: Message[], message: Message): void {
  // PERF: index -1 of an empty array is looked up by name.
  const count = messages.length;
  if (count > 0 && supersedes(message, messages[count - 1] as Message)) messages.pop();
  if (messages.length >= HELD_MAX) messages.shift();
  messages.push(message);
}

/** Acknowledging more makes acknowledging less superfluous: a turn full of appends is answered once. */
function supersedes(message: Message, earlier: Message): boolean {
  return (
    message.type === MessageType.AppResp &&
    earlier.type === MessageType.AppResp &&
    message.to === earlier.to &&
    message.term === earlier.term &&
    !message.reject &&
    !earlier.reject &&
    message.index >= earlier.index
  );
}
