import { JsonError } from "./json-error.ts";

/** Strings, which are passed over, and integers of 16 digits or more where a value may stand. */
const STRING_OR_LONG_INTEGER = /"[^"\\]*(?:\\.[^"\\]*)*"|([:[,]\s*)(-?[1-9]\d{15,})(?=\s*[,\]}])/gs;
const LONG_INTEGER = /\d{16}/;
/** Before the digits of a long integer while it is text; no JSON text has it, for it must be escaped there. */
const MARK = "\u0000";
const MARKED = new RegExp(`^${MARK}-?\\d+$`);

/**
 * `JSON.parse`, except that integers too long to be exact as number come as bigint: a lease ID is one. Throws
 * {@link JsonError}.
 */
export function parseJson(text: string): unknown {
  try {
    if (!LONG_INTEGER.test(text)) return JSON.parse(text);
    const marked = text.replace(STRING_OR_LONG_INTEGER, (match: string, before?: string, digits?: string) =>
      digits === undefined || before === undefined ? match : `${before}"\\u0000${digits}"`,
    );
    return JSON.parse(marked, (_key, value: unknown) =>
      typeof value === "string" && value.startsWith(MARK) && MARKED.test(value) ? exact(value.slice(1)) : value,
    );
  } catch (error) {
    throw new JsonError(`syntax error: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function exact(digits: string): number | bigint {
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : BigInt(digits);
}
