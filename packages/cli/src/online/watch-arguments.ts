import { badArguments } from "../frame/command-error.ts";
import type { FlagValues } from "../frame/flag-values.ts";
import { goQuote } from "../go/go-quote.ts";
import { bytesOf, type KeyRange, keyRange } from "./key-range.ts";

/** What one watch is to tell, and the command to run for each event. */
export interface WatchPlan {
  readonly range: KeyRange;
  readonly startRevision: number;
  readonly prevKv: boolean;
  /** Empty for none. */
  readonly command: readonly string[];
}

/** The words of a watch: `<key> [range_end] [-- command…]`. */
export interface WatchWords {
  readonly args: readonly string[];
  /** How many of them stand before `--`; undefined without one. */
  readonly beforeDash: number | undefined;
}

/** ETCDCTL_WATCH_KEY and ETCDCTL_WATCH_RANGE_END; empty where not set. */
export interface WatchVariables {
  readonly key: string;
  readonly rangeEnd: string;
}

const WRONG_COUNT = "bad number of arguments";

/** Reads the two variables. An end without a key is refused. */
export function watchVariables(env: Readonly<Record<string, string | undefined>>): WatchVariables {
  const [key, rangeEnd] = [env["ETCDCTL_WATCH_KEY"] ?? "", env["ETCDCTL_WATCH_RANGE_END"] ?? ""];
  if (key === "" && rangeEnd !== "")
    throw badArguments(`ETCDCTL_WATCH_KEY is empty but got ETCDCTL_WATCH_RANGE_END=${goQuote(rangeEnd)}`);
  return { key, rangeEnd };
}

/**
 * What the words, the flags and the variables ask for; `encode` makes bytes of the words. Throws CommandError (128) with etcdctl's
 * words. CLI page, A2.6.
 */
export function watchPlan(
  words: WatchWords,
  flags: FlagValues,
  variables: WatchVariables,
  encode: (text: string) => Uint8Array = bytesOf,
): WatchPlan {
  const keys = words.args.slice(0, words.beforeDash ?? words.args.length);
  const command = words.args.slice(words.beforeDash ?? words.args.length);
  if (words.beforeDash !== undefined && command.length === 0)
    throw badArguments(`${WRONG_COUNT} (found separator --, but no commands)`);
  if (keys.length > 0 && variables.key !== "") throw badArguments(`${WRONG_COUNT} (found conflicting environment key)`);
  const named = variables.key === "" ? keys : [variables.key, variables.rangeEnd].filter((text) => text !== "");
  const [key, end] = named;
  if (key === undefined) throw badArguments(WRONG_COUNT);
  const prefix = flags.bool("prefix");
  if (end !== undefined && prefix) throw badArguments("`range_end` and `--prefix` are mutually exclusive");
  return {
    range: keyRange(key, end, { prefix, fromKey: false }, variables.key === "" ? encode : bytesOf),
    startRevision: flags.integer("rev"),
    prevKv: flags.bool("prev-kv"),
    command,
  };
}
