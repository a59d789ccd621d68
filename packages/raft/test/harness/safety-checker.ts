import { equalBytes } from "@quorate/base";
import type { Entry, Ready } from "@quorate/raft";

import type { Member } from "./member.ts";

/** The properties of figure 3 of the paper, checked as things happen. */
export class SafetyChecker {
  readonly #leaderOf = new Map<number, bigint>();
  /** Every entry ever created, by index and term, with the term of the entry before it. */
  readonly #created = new Map<string, { entry: Entry; previousTerm: number }>();
  readonly #applied = new Map<number, Entry>();
  /** Highest index anybody has applied: what a client may have been told of. */
  appliedMax = 0;
  elections = 0;

  applied(id: bigint, entry: Entry): void {
    const known = this.#applied.get(entry.index);
    if (known === undefined) this.#applied.set(entry.index, entry);
    else if (!same(known, entry))
      throw new Error(`state machine safety: ${id} applies another entry at ${entry.index}`);
    this.appliedMax = Math.max(this.appliedMax, entry.index);
  }

  ready(member: Member, ready: Ready): void {
    let previousTerm: number | undefined;
    for (const entry of ready.entries) {
      previousTerm ??= termBefore(member, entry.index);
      this.#logMatching(entry, previousTerm);
      previousTerm = entry.term;
    }
  }

  /** Looks at a member after anything has happened to it. */
  observe(member: Member): void {
    const { node } = member;
    node.checkInvariants();
    if (node.role !== "leader") return;
    const known = this.#leaderOf.get(node.term);
    if (known === undefined) {
      this.#leaderOf.set(node.term, member.id);
      this.elections++;
      this.#leaderCompleteness(member);
    } else if (known !== member.id) {
      throw new Error(`election safety: ${known} and ${member.id} both lead term ${node.term}`);
    }
  }

  #logMatching(entry: Entry, previousTerm: number): void {
    const key = `${entry.index}/${entry.term}`;
    const known = this.#created.get(key);
    if (known === undefined) {
      this.#created.set(key, { entry, previousTerm });
      return;
    }
    if (!same(known.entry, entry)) throw new Error(`log matching: two entries ${key}`);
    if (known.previousTerm !== previousTerm && previousTerm !== -1 && known.previousTerm !== -1) {
      throw new Error(`log matching: before ${key} are terms ${known.previousTerm} and ${previousTerm}`);
    }
  }

  #leaderCompleteness(member: Member): void {
    const { storage, node } = member;
    for (const [index, entry] of this.#applied) {
      if (index < storage.firstIndex()) continue;
      const term = index > node.lastIndex ? "missing" : storage.term(index);
      if (term !== entry.term) {
        throw new Error(`leader completeness: ${member.id} leads term ${node.term} with ${term} at ${index}`);
      }
    }
  }
}

function termBefore(member: Member, index: number): number {
  const term = member.storage.term(index - 1);
  return typeof term === "number" ? term : -1;
}

function same(a: Entry, b: Entry): boolean {
  return a.index === b.index && a.term === b.term && a.type === b.type && equalBytes(a.data, b.data);
}
