import {
  type Compare,
  CompareDescriptor,
  CompareResult,
  CompareTarget,
  type RequestOp,
  RequestOpDescriptor,
} from "@quorate/protocol";
import type { RunCommand } from "../frame/command.ts";
import { badArguments, CommandError } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { parseFlags } from "../frame/flag-parser.ts";
import { FlagValues } from "../frame/flag-values.ts";
import { printLine } from "../frame/output.ts";
import { type ByteText, bytesOfByteText, readable, trimmed } from "../go/byte-text.ts";
import { parseGoInt } from "../go/go-integer.ts";
import { goQuote } from "../go/go-quote.ts";
import { goUnquote, type Quoted } from "../go/go-unquote.ts";
import { txnReport } from "../print/key-value-reports.ts";
import { LineReader, splitArguments } from "./command-line-input.ts";
import { withConnection } from "./connection.ts";
import { deleteRequest } from "./delete-request.ts";
import { DELETE_FLAGS, GET_FLAGS, PUT_FLAGS } from "./key-value-commands.ts";
import { putRequest } from "./put-request.ts";
import { rangeRequest } from "./range-request.ts";

/** `txn`. CLI page, A2.4. */
export const runTxn: RunCommand = async (context) => {
  if (context.args.length > 0) throw badArguments("txn command does not accept argument");
  return await withConnection(context, async (connection) => {
    const reader = new LineReader(context.stdin);
    const prompt = (text: string): void => {
      if (context.flags.bool("interactive")) printLine(context.stdout, text);
    };
    prompt("compares:");
    const compare = await readBlock(reader, async (line) => parseCompare(line));
    prompt("success requests (get, put, del):");
    const success = await readBlock(reader, parseRequest);
    prompt("failure requests (get, put, del):");
    const failure = await readBlock(reader, parseRequest);
    const { RPC } = await import("@quorate/client");
    connection.print(txnReport(await connection.callWithoutEnd(RPC.KV.Txn, { compare, success, failure })));
  });
};

/** Lines up to an empty one; the input must not end before it. */
async function readBlock<T>(reader: LineReader, parse: (line: ByteText) => Promise<T>): Promise<readonly T[]> {
  const items: T[] = [];
  for (;;) {
    const whole = await reader.next();
    if (whole === undefined) throw invalidInput("EOF");
    const line = trimmed(whole);
    if (line === "") return items;
    items.push(await parse(line));
  }
}

const RESULTS: Readonly<Record<string, number>> = {
  "=": CompareResult.EQUAL,
  "!=": CompareResult.NOT_EQUAL,
  "<": CompareResult.LESS,
  ">": CompareResult.GREATER,
};

/** `mod("key") > "0"`. Throws CommandError (3) with etcdctl's words. */
export function parseCompare(line: ByteText): Compare {
  const at = line.indexOf("(");
  if (at < 0) throw invalidInput(`malformed comparison: ${readable(line)}`);
  const target = line.slice(0, at);
  const { key, op, value } = readComparison(line, target, line.slice(at + 1));
  const result = RESULTS[op];
  if (result === undefined)
    throw invalidInput(`malformed comparison: ${readable(line)} (unknown operator ${readable(op)})`);
  const base = { key: bytesOfByteText(key), result };
  const integer = (radix: 10 | 16): bigint => {
    const parsed = parseGoInt(value, radix);
    if ("error" in parsed) throw invalidInput(`invalid txn compare request: ${readable(line)}`);
    return parsed.value;
  };
  switch (target) {
    case "ver":
    case "version":
      return CompareDescriptor.create({ ...base, target: CompareTarget.VERSION, version: Number(integer(10)) });
    case "c":
    case "create":
      return CompareDescriptor.create({ ...base, target: CompareTarget.CREATE, createRevision: Number(integer(10)) });
    case "m":
    case "mod":
      return CompareDescriptor.create({ ...base, target: CompareTarget.MOD, modRevision: Number(integer(10)) });
    case "val":
    case "value":
      return CompareDescriptor.create({ ...base, target: CompareTarget.VALUE, value: bytesOfByteText(value) });
    case "lease":
      return CompareDescriptor.create({ ...base, target: CompareTarget.LEASE, lease: integer(16) });
    default:
      throw invalidInput(`malformed comparison: ${readable(line)} (unknown target ${readable(target)})`);
  }
}

/** `"key") > "value"`: two quoted texts with an operator between them, as Go scans `%q) %s %q`. */
function readComparison(
  line: ByteText,
  target: ByteText,
  text: ByteText,
): { readonly key: ByteText; readonly op: ByteText; readonly value: ByteText } {
  const key = goUnquote(text);
  const afterKey = text.slice(key?.length ?? 0);
  const op = key !== undefined && afterKey.startsWith(")") ? (/^\)[ \t]*(\S+)/.exec(afterKey) ?? undefined) : undefined;
  const afterOp = op === undefined ? "" : afterKey.slice(op[0].length).replace(/^[\t\r ]+/, "");
  const value = op === undefined ? undefined : goUnquote(afterOp);
  if (key !== undefined && op?.[1] !== undefined && value !== undefined)
    return { key: key.value, op: op[1], value: value.value };
  const quote = (quoted: Quoted | undefined): string => goQuote(bytesOfByteText(quoted?.value ?? ""));
  const got = `${readable(target)}(${quote(key)}) ${readable(op?.[1] ?? "")} ${quote(value)}`;
  throw invalidInput(`malformed comparison: ${readable(line)}; got ${got}`);
}

/** A line such as `put key "value" --prev-kv`. */
export async function parseRequest(line: ByteText): Promise<RequestOp> {
  const [name, ...argv] = splitArguments(line, (text) => {
    const unquoted = goUnquote(text);
    if (unquoted === undefined) throw invalidInput("invalid syntax");
    return unquoted.value;
  });
  if (name === undefined || argv.length === 0) throw invalidInput(`invalid txn compare request: ${readable(line)}`);
  const specs = { get: GET_FLAGS, put: PUT_FLAGS, del: DELETE_FLAGS }[name];
  const flags = new FlagValues(specs ?? []);
  const parsed = parseFlags(argv, flags);
  if (specs === undefined || "error" in parsed) throw invalidInput(`invalid txn request: ${readable(line)}`);
  switch (name) {
    case "get":
      return RequestOpDescriptor.create({ requestRange: rangeRequest(parsed.positional, flags, bytesOfByteText) });
    case "put":
      return RequestOpDescriptor.create({
        requestPut: await putRequest(parsed.positional, flags, noInput, bytesOfByteText),
      });
    default:
      return RequestOpDescriptor.create({
        requestDeleteRange: deleteRequest(parsed.positional, flags, bytesOfByteText),
      });
  }
}

/** Standard input is the transaction's own; a put in it that lacks its value is refused. */
async function noInput(): Promise<Uint8Array> {
  return new Uint8Array();
}

function invalidInput(message: string): CommandError {
  return new CommandError(ExitCode.invalidInput, message);
}
