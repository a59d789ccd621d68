import type { ErrorCode } from "@quorate/protocol";
import type { RawNode } from "@quorate/raft";

/** A proposal that nobody here waits for: it came from another member. */
const FOREIGN = -1;

/**
 * What is to be proposed, collected over a turn. Where there is no leader, or one that is handing over, it stays here until
 * there is: a client's request then takes as long as the election, rather than being lost without a word.
 */
export class ProposalQueue {
  readonly #raft: RawNode;
  /** Refuses a request of this member's own, by the low 48 bits of its ID. */
  readonly #refuse: (low48: number, code: ErrorCode) => void;
  readonly #bytesMax: number;
  #datas: Uint8Array[] = [];
  #ids: number[] = [];
  /** The term in which this member must still lead when each is proposed; 0 for what anybody may propose at any time. */
  #terms: number[] = [];
  #hasTerms = false;
  #bytes = 0;
  /** The newest request sent on, its term, and the newest of the terms before. */
  #sentLow48: number | undefined;
  #sentTerm = 0;
  #sentLow48Before: number | undefined;

  /** `bytesMax`: more than this is not kept waiting. */
  constructor(raft: RawNode, bytesMax: number, refuse: (low48: number, code: ErrorCode) => void) {
    this.#raft = raft;
    this.#bytesMax = bytesMax;
    this.#refuse = refuse;
  }

  get isEmpty(): boolean {
    return this.#datas.length === 0;
  }

  get isFull(): boolean {
    return this.#bytes >= this.#bytesMax;
  }

  /**
   * Takes a request of this member's own. `term`: what a leader has decided by its own clock, which must not reach a successor that
   * may have decided otherwise meanwhile, is refused unless it goes into this leader's log in this term; 0: no matter.
   */
  add(data: Uint8Array, low48: number, term = 0): void {
    this.#datas.push(data);
    this.#ids.push(low48);
    this.#terms.push(term);
    if (term !== 0) this.#hasTerms = true;
    this.#bytes += data.length;
  }

  /** Takes a request that a follower has passed on. */
  addForeign(data: Uint8Array): void {
    this.add(data, FOREIGN);
  }

  /** Proposes everything; what cannot be proposed now stays, unless its time will not come. */
  flush(): void {
    if (this.#hasTerms) this.#refuseOutdated();
    if (this.isEmpty) return;
    const outcome = this.#raft.propose(this.#datas);
    if (outcome === "transferring") return;
    if (outcome === "noLeader") {
      this.dropForeign();
      return;
    }
    const ids = this.#ids;
    this.clear();
    if (outcome === "accepted" || outcome === "forwarded") {
      this.#noteSent(ids);
      return;
    }
    const code = outcome === "limit" ? "tooManyRequests" : "proposalDropped";
    for (const id of ids) if (id !== FOREIGN) this.#refuse(id, code);
  }

  /**
   * The newest request of this member's own that went into a term before `term`: undefined if none did. What the log of that term
   * does not show of them is lost, or will show up much later.
   */
  sentBefore(term: number): number | undefined {
    return this.#sentTerm < term ? this.#sentLow48 : this.#sentLow48Before;
  }

  #noteSent(ids: readonly number[]): void {
    const last = ids.findLast((id) => id !== FOREIGN);
    if (last === undefined) return;
    if (this.#raft.term !== this.#sentTerm) {
      this.#sentLow48Before = this.#sentLow48;
      this.#sentTerm = this.#raft.term;
    }
    this.#sentLow48 = last;
  }

  #refuseOutdated(): void {
    const { role, term } = this.#raft;
    const outdated: number[] = [];
    this.#filter((id, wanted) => {
      const isGood = wanted === 0 || (role === "leader" && wanted === term);
      if (!isGood) outdated.push(id);
      return isGood;
    });
    for (const id of outdated) this.#refuse(id, "proposalDropped");
  }

  /** Whoever waits for the requests of others has asked the wrong member, and must not find them done much later. */
  dropForeign(): void {
    if (this.#ids.includes(FOREIGN)) this.keep((low48) => low48 !== FOREIGN);
  }

  /** Drops what need not be proposed any more, because nobody waits for it. */
  keep(isWanted: (low48: number) => boolean): void {
    this.#filter(isWanted);
  }

  #filter(isWanted: (low48: number, term: number) => boolean): void {
    const datas = this.#datas;
    const ids = this.#ids;
    const terms = this.#terms;
    this.clear();
    for (let i = 0; i < ids.length; i++) {
      const [id, term] = [ids[i] as number, terms[i] as number];
      if (isWanted(id, term)) this.add(datas[i] as Uint8Array, id, term);
    }
  }

  /** Whether a request that came from another member goes by this number. */
  static isForeign(low48: number): boolean {
    return low48 === FOREIGN;
  }

  clear(): void {
    this.#datas = [];
    this.#ids = [];
    this.#terms = [];
    this.#hasTerms = false;
    this.#bytes = 0;
  }
}
