import { type RangeRequest, RangeRequestDescriptor, SortOrder, SortTarget } from "@quorate/protocol";
import { badArguments, CommandError } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";
import type { FlagValues } from "../frame/flag-values.ts";
import { bytesOf, keyRange } from "./key-range.ts";

const ORDERS: Readonly<Record<string, number>> = {
  "": SortOrder.NONE,
  ASCEND: SortOrder.ASCEND,
  DESCEND: SortOrder.DESCEND,
};
const TARGETS: Readonly<Record<string, number>> = {
  "": SortTarget.KEY,
  CREATE: SortTarget.CREATE,
  KEY: SortTarget.KEY,
  MODIFY: SortTarget.MOD,
  VALUE: SortTarget.VALUE,
  VERSION: SortTarget.VERSION,
};

/** The request of `get`, checked in etcdctl's order with its texts; `encode` as for {@link keyRange}. CLI page, A2.1. */
export function rangeRequest(
  args: readonly string[],
  flags: FlagValues,
  encode: (text: string) => Uint8Array = bytesOf,
): RangeRequest {
  const [key, end] = args;
  if (key === undefined)
    throw badArguments("get command needs one argument as key and an optional argument as range_end");
  const [prefix, fromKey] = [flags.bool("prefix"), flags.bool("from-key")];
  if (prefix && fromKey) throw badArguments("`--prefix` and `--from-key` cannot be set at the same time, choose one");
  if (flags.bool("keys-only") && flags.bool("count-only"))
    throw badArguments("`--keys-only` and `--count-only` cannot be set at the same time, choose one");
  const serializable = isSerializable(flags.string("consistency"));
  if (end !== undefined && (prefix || fromKey))
    throw badArguments("too many arguments, only accept one argument when `--prefix` or `--from-key` is set");
  return RangeRequestDescriptor.create({
    ...keyRange(key, end, { prefix, fromKey }, encode),
    serializable,
    limit: flags.integer("limit"),
    revision: Math.max(0, flags.integer("rev")),
    sortOrder: choice(ORDERS, flags.string("order"), "bad sort order"),
    sortTarget: choice(TARGETS, flags.string("sort-by"), "bad sort target"),
    keysOnly: flags.bool("keys-only"),
    countOnly: flags.bool("count-only"),
    ...bounds(flags, "create"),
    ...bounds(flags, "mod"),
  });
}

/** Reads --consistency. */
export function isSerializable(consistency: string): boolean {
  if (consistency === "s") return true;
  if (consistency === "l") return false;
  throw new CommandError(ExitCode.badFeature, `unknown consistency flag ${JSON.stringify(consistency)}`);
}

function choice(choices: Readonly<Record<string, number>>, text: string, complaint: string): number {
  const value = choices[text.toUpperCase()];
  if (value === undefined) throw new CommandError(ExitCode.badFeature, `${complaint} ${text}`);
  return value;
}

function bounds(flags: FlagValues, what: "create" | "mod"): Partial<RangeRequest> {
  const min = Math.max(0, flags.integer(`min-${what}-rev`));
  const max = Math.max(0, flags.integer(`max-${what}-rev`));
  const name = what === "create" ? "CreateRev" : "ModRev";
  if (max > 0 && min > max)
    throw new CommandError(ExitCode.badFeature, `getMin${name}(=${min}) > getMax${name}(=${max})`);
  return what === "create"
    ? { minCreateRevision: min, maxCreateRevision: max }
    : { minModRevision: min, maxModRevision: max };
}
