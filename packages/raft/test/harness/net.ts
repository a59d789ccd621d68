import { EMPTY_BYTES, SeededPrng, utf8Bytes, utf8Text } from "@quorate/base";
import {
  type ConfState,
  createMessage,
  EMPTY_CONF_STATE,
  type Entry,
  type Message,
  type MessageType,
  type RaftConfigInput,
  type ReadState,
} from "@quorate/raft";

import { Disk } from "./disk.ts";
import { Member } from "./member.ts";

/** Where the members of a test begin: behind a snapshot at index 10 of term 1. */
export const BASE = 10;

export interface NetOptions {
  /** Voters are 1 to `voters`. */
  readonly voters: number;
  readonly learners?: readonly bigint[];
  readonly config?: Partial<RaftConfigInput>;
  /** Terms of the entries behind the snapshot, by member. */
  readonly terms?: Readonly<Record<string, readonly number[]>>;
}

/** A few members whose messages and writes go where the test sends them. */
export class Net {
  readonly members = new Map<bigint, Member>();
  readonly applied = new Map<bigint, Entry[]>();
  readonly reads = new Map<bigint, ReadState[]>();
  network: Message[] = [];

  constructor(options: NetOptions) {
    const voters = Array.from({ length: options.voters }, (_, i) => BigInt(i + 1));
    const confState: ConfState = { ...EMPTY_CONF_STATE, voters, learners: options.learners ?? [] };
    for (const id of [...voters, ...confState.learners]) this.#add(id, confState, options);
  }

  #add(id: bigint, confState: ConfState, options: NetOptions): void {
    const terms = options.terms?.[String(id)] ?? [];
    const entries = terms.map((term, i) => ({ term, index: BASE + 1 + i, type: 0, data: EMPTY_BYTES }));
    const applied: Entry[] = [];
    this.applied.set(id, applied);
    this.reads.set(id, []);
    const member = new Member({
      config: { ...options.config, id },
      prng: new SeededPrng(Number(id)),
      disk: Disk.after({ index: BASE, term: 1, confState, data: EMPTY_BYTES }, entries),
      onApply: (entry) => void applied.push(entry),
    });
    this.members.set(id, member);
  }

  at(id: number): Member {
    return this.members.get(BigInt(id)) as Member;
  }

  /** Takes what the member has to do, and leaves its write in flight. */
  take(id: number): Message[] {
    const member = this.at(id);
    const messages: Message[] = [];
    while (member.node.hasReady()) {
      const ready = member.takeReady();
      messages.push(...ready.messages);
      this.reads.get(member.id)?.push(...ready.readStates);
    }
    this.network.push(...messages);
    return messages;
  }

  /** Lets the member do everything, its writes included. */
  run(id: number): Message[] {
    const messages = this.take(id);
    while (this.at(id).inFlight.length > 0 || this.at(id).node.hasReady()) {
      this.at(id).persist();
      messages.push(...this.take(id));
    }
    return messages;
  }

  /** Lets these members, or all, do everything there is to do among them; what goes elsewhere is lost. */
  settle(...ids: readonly number[]): void {
    const chosen = ids.length === 0 ? [...this.members.keys()].map(Number) : ids;
    for (let round = 0; round < 100; round++) {
      for (const id of chosen) this.run(id);
      const messages = this.network.splice(0);
      for (const message of messages) {
        if (chosen.includes(Number(message.to))) this.members.get(message.to)?.node.step(message);
      }
      if (messages.length === 0) return;
    }
    throw new Error("the members never settle");
  }

  elect(id: number, ...among: readonly number[]): void {
    this.at(id).node.campaign();
    this.settle(...among);
  }

  propose(id: number, ...texts: readonly string[]): void {
    this.at(id).node.propose(texts.map((text) => utf8Bytes(text)));
  }

  /** Steps a message made up by the test. */
  send(to: number, init: Partial<Message> & { readonly type: MessageType; readonly from: bigint }): void {
    this.at(to).node.step(createMessage({ ...init, to: BigInt(to) }));
  }

  /** What the member has applied behind the snapshot, without empty entries. */
  texts(id: number): string[] {
    const entries = this.applied.get(BigInt(id)) as Entry[];
    return entries.map((entry) => utf8Text(entry.data)).filter((text) => text !== "");
  }
}

/** An entry with some data. */
export function entry(index: number, term: number, text = ""): Entry {
  return { index, term, type: 0, data: utf8Bytes(text) };
}
