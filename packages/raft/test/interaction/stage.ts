import { EMPTY_BYTES, type Prng, utf8Bytes } from "@quorate/base";
import {
  createMessage,
  EMPTY_CONF_STATE,
  type Entry,
  type Message,
  MessageType,
  messageTypeName,
  NO_LIMIT,
  type RaftConfigInput,
} from "@quorate/raft";

import { encodeChange, parseChange } from "../harness/change-text.ts";
import { Disk } from "../harness/disk.ts";
import { Member } from "../harness/member.ts";
import { renderConf, renderEntries, renderMessage, renderPeer, renderReady, renderTrace } from "./render.ts";

/** The words of a command behind its verb: `2 drop from=1 to=3,4` has two plain words and two options. */
export interface Arguments {
  readonly words: readonly string[];
  readonly options: ReadonlyMap<string, string>;
}

/** What election timeouts are drawn from: always the shortest, unless a script wants another. */
class ScriptedPrng implements Prng {
  extra = 0;
  u32(): number {
    return this.extra;
  }
  below(): number {
    return this.extra;
  }
}

const SETTLE_ROUNDS_MAX = 200;

/** Members that do exactly what a script tells them, and the lines that tell what came of it. */
export class Stage {
  readonly #members = new Map<bigint, Member>();
  readonly #timeouts = new Map<bigint, ScriptedPrng>();
  #network: Message[] = [];
  #lines: string[] = [];
  #quiet = false;

  /** Runs a command; returns what happened. */
  run(verb: string, args: Arguments): string[] {
    this.#lines = [];
    this.#quiet = args.words.includes("quiet");
    const act = VERBS[verb];
    if (act === undefined) throw new Error(`no such verb: ${verb}`);
    act(this, { ...args, words: args.words.filter((word) => word !== "quiet") });
    for (const member of this.#members.values()) member.node.checkInvariants();
    return this.#lines;
  }

  say(line: string): void {
    if (!this.#quiet) this.#lines.push(line);
  }

  /** Adds members `first` to `first + count - 1`, all with the same past. */
  add(count: number, options: ReadonlyMap<string, string>): void {
    const voters = ids(options.get("voters"));
    const index = Number(options.get("index") ?? 10);
    const confState = { ...EMPTY_CONF_STATE, voters, learners: ids(options.get("learners")) };
    for (let i = 0; i < count; i++) {
      const id = BigInt(this.#members.size + 1);
      const timeout = new ScriptedPrng();
      this.#timeouts.set(id, timeout);
      const snapshot = { index, term: 1, confState, data: EMPTY_BYTES };
      const member = new Member({
        config: { ...configOf(options), id },
        prng: timeout,
        trace: (event) => this.say(`${id} ${renderTrace(event)}`),
        disk: voters.length === 0 ? new Disk() : Disk.after(snapshot, entriesBehind(index, options.get("terms"))),
      });
      this.#members.set(id, member);
    }
  }

  member(word: string | undefined): Member {
    const member = this.#members.get(BigInt(word ?? 0));
    if (member === undefined) throw new Error(`no such member: ${word}`);
    return member;
  }

  setTimeoutExtra(member: Member, ticks: number): void {
    (this.#timeouts.get(member.id) as ScriptedPrng).extra = ticks;
  }

  /** Takes what the member has to do. Its write is done at once, unless it is to stay in flight. */
  ready(member: Member, inFlight: boolean): void {
    if (!member.node.hasReady()) {
      this.say(`${member.id} has nothing to do`);
      return;
    }
    const applied = member.node.applied;
    const ready = member.takeReady();
    const lines = renderReady(ready);
    if (ready.snapshot !== undefined && applied > ready.snapshot.index) throw new Error("applied backwards");
    for (const line of lines) this.say(`${member.id} ${line}`);
    for (const message of ready.messages) this.say(`  ${renderMessage(message)}`);
    this.#network.push(...ready.messages);
    if (!inFlight) member.persist();
  }

  /** Delivers, or loses, what is on its way and fits. */
  deliver(args: Arguments): number {
    const fits = (message: Message): boolean =>
      within(args.options.get("from"), String(message.from)) &&
      within(args.options.get("to"), String(message.to)) &&
      within(args.options.get("type"), messageTypeName(message.type));
    const drop = args.words.includes("drop");
    const chosen = this.#network.filter(fits).slice(0, Number(args.options.get("count") ?? this.#network.length));
    if (!args.words.includes("keep")) this.#network = this.#network.filter((message) => !chosen.includes(message));
    if (args.words.includes("reversed")) chosen.reverse();
    for (const message of chosen) {
      if (drop) this.say(`lost ${renderMessage(message)}`);
      else {
        this.say(`deliver ${renderMessage(message)}`);
        this.#members.get(message.to)?.node.step(message);
      }
    }
    return chosen.length;
  }

  /** A message out of nowhere: what a member of another make, or a broken one, might send. */
  inject({ words, options }: Arguments): void {
    const number = (key: string): number => Number(options.get(key) ?? 0);
    const type = MessageType[(words[0] ?? "") as keyof typeof MessageType];
    if (type === undefined) throw new Error(`no such message type: ${words[0]}`);
    const [index = 0, logTerm = 0] = (options.get("at") ?? "").split("/").map(Number);
    const confState = {
      ...EMPTY_CONF_STATE,
      voters: ids(options.get("voters")),
      learners: ids(options.get("learners")),
    };
    const snapshot = type === MessageType.Snap ? { index, term: logTerm, confState, data: EMPTY_BYTES } : undefined;
    const message = createMessage({
      type,
      from: BigInt(number("from")),
      to: BigInt(number("to")),
      term: number("term"),
      index: snapshot === undefined ? index : 0,
      logTerm: snapshot === undefined ? logTerm : 0,
      commit: number("commit"),
      entries: parseEntries(options.get("entries")),
      context: utf8Bytes(options.get("context") ?? ""),
      snapshot,
    });
    this.say(`deliver ${renderMessage(message)}`);
    const outcome = this.member(String(message.to)).node.step(message);
    if (outcome !== "stepped") this.say(`${message.to} ignores it: ${outcome}`);
  }

  /** Lets the given members, or all, do everything there is to do among them. */
  settle(words: readonly string[]): void {
    const chosen = words.length === 0 ? [...this.#members.keys()] : words.map(BigInt);
    const to = chosen.join(",");
    for (let round = 0; round < SETTLE_ROUNDS_MAX; round++) {
      let busy = false;
      for (const id of chosen) {
        const member = this.member(String(id));
        while (member.node.hasReady()) {
          busy = true;
          this.ready(member, false);
        }
        if (member.inFlight.length > 0) {
          busy = true;
          member.persist();
        }
      }
      if (this.deliver({ words: [], options: new Map([["to", to]]) }) === 0 && !busy) return;
    }
    throw new Error("the members never settle");
  }
}

type Verb = (stage: Stage, args: Arguments) => void;

const VERBS: Readonly<Record<string, Verb>> = {
  nodes: (stage, { words, options }) => stage.add(Number(words[0]), options),
  campaign: (stage, { words }) => stage.member(words[0]).node.campaign(),
  propose: (stage, { words }) => {
    const [id, ...texts] = words;
    const outcome = stage.member(id).node.propose(texts.map((text) => utf8Bytes(text)));
    stage.say(`${id} ${outcome}`);
  },
  change: (stage, { words }) => {
    const [id, version, ...rest] = words;
    const text = rest.join(" ");
    const type = version === "v1" ? 1 : 2;
    const outcome = stage.member(id).node.proposeConfChange(encodeChange(text), parseChange(text), type);
    stage.say(`${id} ${outcome}`);
  },
  ready: (stage, { words }) => stage.ready(stage.member(words[0]), words.includes("in-flight")),
  persist: (stage, { words }) => {
    const member = stage.member(words[0]);
    member.persist(words[1] === undefined ? undefined : Number(words[1]));
  },
  crash: (stage, { words }) => stage.member(words[0]).crash(Number(words[1] ?? 0)),
  deliver: (stage, args) => void stage.deliver(args),
  inject: (stage, args) => stage.inject(args),
  settle: (stage, { words }) => stage.settle(words),
  tick: (stage, { words }) => {
    for (let i = 0; i < Number(words[1] ?? 1); i++) stage.member(words[0]).node.tick();
  },
  timeout: (stage, { words }) => stage.setTimeoutExtra(stage.member(words[0]), Number(words[1])),
  transfer: (stage, { words }) => stage.member(words[0]).node.transferLeader(BigInt(words[1] ?? 0)),
  forget: (stage, { words }) => stage.member(words[0]).node.forgetLeader(),
  read: (stage, { words }) => stage.member(words[0]).node.readIndex(utf8Bytes(words[1] ?? "")),
  unreachable: (stage, { words }) => stage.member(words[0]).node.reportUnreachable(BigInt(words[1] ?? 0)),
  delivered: (stage, { words }) => stage.member(words[0]).node.reportSnapshot(BigInt(words[1] ?? 0), "delivered"),
  failed: (stage, { words }) => stage.member(words[0]).node.reportSnapshot(BigInt(words[1] ?? 0), "failed"),
  compact: (stage, { words }) => stage.member(words[0]).snapshot(Number(words[1] ?? 0)),
  log: (stage, { words }) => {
    const { storage } = stage.member(words[0]);
    const first = storage.firstIndex();
    const last = storage.lastIndex();
    const entries = last < first ? [] : (storage.entries(first, last + 1, NO_LIMIT) as readonly Entry[]);
    stage.say(`${words[0]} log ${renderEntries(entries) || "empty"} behind ${first - 1}`);
  },
  status: (stage, { words }) => {
    const status = stage.member(words[0]).node.status();
    const vote = status.vote === 0n ? "" : ` vote ${status.vote}`;
    stage.say(
      `${status.id} ${status.role} t${status.term}${vote} of ${status.leader} commit ${status.committed} stable ${status.stableIndex} last ${status.lastIndex}`,
    );
    stage.say(`  ${renderConf(status.confState)}`);
    for (const peer of status.peers) stage.say(`  ${renderPeer(peer)}`);
  },
};

function configOf(options: ReadonlyMap<string, string>): Omit<RaftConfigInput, "id"> {
  const number = (key: string, fallback: number): number => Number(options.get(key) ?? fallback);
  return {
    electionTicks: number("election-ticks", 3),
    preVote: options.has("prevote"),
    checkQuorum: options.has("checkquorum") || options.has("lease"),
    readOnly: options.has("lease") ? "lease" : "safe",
    stepDownOnRemoval: options.has("stepdown"),
    disableConfChangeValidation: options.has("no-validation"),
    maxInflightMsgs: number("inflight", 256),
    maxSizePerMsg: number("max-size", NO_LIMIT),
    maxInflightBytes: NO_LIMIT,
    maxCommittedSizePerReady: number("max-committed", NO_LIMIT),
    persistTimeoutTicks: number("disk-ticks", 0),
  };
}

/** `1,1,4`: entries of these terms behind `index`. */
function entriesBehind(index: number, terms: string | undefined): Entry[] {
  const list = terms === undefined ? [] : terms.split(",").map(Number);
  return list.map((term, i) => ({ term, index: index + 1 + i, type: 0, data: EMPTY_BYTES }));
}

/** `11/2:a,12/2:b`, or `a,b` for entries that have no place yet. */
function parseEntries(list: string | undefined): Entry[] {
  return (list === undefined ? [] : list.split(",")).map((text) => {
    const [at = "", data = ""] = text.includes("/") ? text.split(":") : ["0/0", text];
    const [index = 0, term = 0] = at.split("/").map(Number);
    return { term, index, type: 0, data: utf8Bytes(data) };
  });
}

function ids(list: string | undefined): bigint[] {
  return list === undefined || list === "" ? [] : list.split(",").map(BigInt);
}

function within(list: string | undefined, value: string): boolean {
  return list === undefined || list.split(",").includes(value);
}
