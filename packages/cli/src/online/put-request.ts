import { type PutRequest, PutRequestDescriptor } from "@quorate/protocol";
import { badArguments } from "../frame/command-error.ts";
import type { FlagValues } from "../frame/flag-values.ts";
import { parseGoInt } from "../go/go-integer.ts";
import { bytesOf } from "./key-range.ts";

const WRONG_COUNT = "put command needs 1 argument and input from stdin or 2 arguments";

/**
 * The request of `put`, checked in etcdctl's order; `stdin` is asked for a value that is missing, `encode` makes bytes of what was typed.
 * CLI page, A2.2.
 */
export async function putRequest(
  args: readonly string[],
  flags: FlagValues,
  stdin: () => Promise<Uint8Array>,
  encode: (text: string) => Uint8Array = bytesOf,
): Promise<PutRequest> {
  const [key, given] = args;
  if (key === undefined) throw badArguments(WRONG_COUNT);
  const ignoreValue = flags.bool("ignore-value");
  if (ignoreValue && given !== undefined)
    throw badArguments("put command needs only 1 argument when 'ignore-value' is set");
  const value = ignoreValue ? new Uint8Array() : given === undefined ? await stdin() : encode(given);
  if (!ignoreValue && given === undefined && value.length === 0) throw badArguments(WRONG_COUNT);
  const lease = parseGoInt(flags.string("lease"), 16);
  if ("error" in lease) throw badArguments(`bad lease ID (${lease.error}), expecting ID in Hex`);
  return PutRequestDescriptor.create({
    key: encode(key),
    value,
    lease: lease.value,
    prevKv: flags.bool("prev-kv"),
    ignoreValue,
    ignoreLease: flags.bool("ignore-lease"),
  });
}
