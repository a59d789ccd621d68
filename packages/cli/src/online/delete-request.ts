import { type DeleteRangeRequest, DeleteRangeRequestDescriptor } from "@quorate/protocol";
import { badArguments } from "../frame/command-error.ts";
import type { FlagValues } from "../frame/flag-values.ts";
import { bytesOf, keyRange } from "./key-range.ts";

/** The request of `del`, checked in etcdctl's order; `encode` as for {@link keyRange}. CLI page, A2.3. */
export function deleteRequest(
  args: readonly string[],
  flags: FlagValues,
  encode: (text: string) => Uint8Array = bytesOf,
): DeleteRangeRequest {
  const [key, end] = args;
  if (key === undefined || args.length > 2)
    throw badArguments("del command needs one argument as key and an optional argument as range_end");
  const [prefix, fromKey] = [flags.bool("prefix"), flags.bool("from-key")];
  if (prefix && fromKey) throw badArguments("`--prefix` and `--from-key` cannot be set at the same time, choose one");
  if (end !== undefined && (prefix || fromKey))
    throw badArguments("too many arguments, only accept one argument when `--prefix` or `--from-key` is set");
  return DeleteRangeRequestDescriptor.create({
    ...keyRange(key, end, { prefix, fromKey }, encode),
    prevKv: flags.bool("prev-kv"),
  });
}
