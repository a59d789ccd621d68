import { crc32c, latin1FromBytes, utf8Bytes } from "@quorate/base";
import { ETCD_BUCKETS, hasMarker, leafPages, NODE_FILE_SYSTEM } from "@quorate/storage";
import type { RunCommand } from "../frame/command.ts";
import { CommandError } from "../frame/command-error.ts";
import type { CommandContext } from "../frame/context.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { printLine } from "../frame/output.ts";
import { parseGoInt } from "../go/go-integer.ts";
import { Page } from "../print/page.ts";
import { withoutSlash } from "./directory-flag.ts";
import { untilUnlocked } from "./file-lock.ts";
import { decodedText, keyText, plainText, revisionOf } from "./record-text.ts";
import { databasePath, openState, type StateSource } from "./state-source.ts";

/** Lists of records after which output is waited for. */
const LISTS_PER_DRAIN = 100;
/** Records that members with the same content may differ in. */
const UNHASHED: readonly string[] = ["consistent_index", "term", "storageVersion"];

/** `dump-db list-bucket <path>` (CLI page, D). */
export const runListBucket: RunCommand = async (context) =>
  await withState(context, oneArgument(context), async (state) => {
    for (const name of state.bucketNames) printLine(context.stdout, name);
  });

/** `dump-db iterate-bucket <path> <bucket>`: the records, the last one first. */
export const runIterateBucket: RunCommand = async (context) => {
  const [path, bucket] = twoArguments(context);
  return await withState(context, path, async (state) => {
    const lists = state.records(bucket, true);
    if (lists === undefined) throw failure(`got nil bucket for ${bucket}`);
    const text = context.flags.bool("decode") ? decodedText(bucket) : plainText;
    let left = context.flags.bigint("limit") || -1n;
    const page = new Page(context.stdout);
    let count = 0;
    for await (const records of lists) {
      for (const record of records) {
        page.line(text(record));
        if (--left === 0n) break;
      }
      if (left === 0n) break;
      if (++count % LISTS_PER_DRAIN === 0) await context.stdout.drained();
    }
    page.end();
  });
};

/** `dump-db scan-keys <path> <start revision>`: what lies in the pages of bucket key's trees, old ones too. */
export const runScanKeys: RunCommand = async (context) => {
  const [given, text] = twoArguments(context);
  const path = withoutSlash(given);
  if (hasMarker(NODE_FILE_SYSTEM, path)) {
    throw failure("a data directory of Quorate has no pages to scan; use iterate-bucket");
  }
  const file = databasePath(path);
  if (NODE_FILE_SYSTEM.stat(file)?.kind !== "file") throw failure(`${JSON.stringify(file)} does not exist`);
  const start = parseGoInt(text, 10);
  if ("error" in start) throw failure(start.error);
  await untilUnlocked(file, context.flags.milliseconds("timeout"));
  const page = new Page(context.stdout);
  for (const scanned of leafPages(NODE_FILE_SYSTEM, file)) {
    if ("problem" in scanned) {
      context.stderr.write(`Reading page ${scanned.id} failed: ${scanned.problem}. Continuing...\n`);
      continue;
    }
    const { id, records } = scanned;
    for (const [index, record] of records.entries()) {
      const shown = scannedText(record, start.value);
      if (shown === "bucket") break;
      if (shown !== undefined) page.line(`pageID=${id}, index=${index}/${records.length - 1}, ${shown}`);
    }
    await context.stdout.drained();
  }
  page.end();
  return ExitCode.success;
};

/** The text of a record from a revision on; undefined for what is none, `bucket` for one of the tree of buckets. */
function scannedText(record: Parameters<typeof keyText>[0], start: bigint): string | undefined {
  try {
    return start !== 0n && revisionOf(record.key).main < start ? undefined : keyText(record);
  } catch {
    return (ETCD_BUCKETS as readonly string[]).includes(latin1FromBytes(record.key)) ? "bucket" : undefined;
  }
}

/** `dump-db hash <path>`: what Maintenance.Hash tells of a member. */
export const runHash: RunCommand = async (context) =>
  await withState(context, oneArgument(context), async (state) => {
    let crc = 0;
    for (const bucket of state.bucketNames) {
      crc = crc32c(crc, utf8Bytes(bucket));
      for await (const records of state.records(bucket, false) ?? []) {
        for (const { key, value } of records) {
          if (bucket === "meta" && UNHASHED.includes(latin1FromBytes(key))) continue;
          crc = crc32c(crc32c(crc, key), value);
        }
      }
    }
    printLine(context.stdout, `db path: ${state.path}`);
    printLine(context.stdout, `Hash: ${crc}`);
  });

async function withState(
  context: CommandContext,
  path: string,
  use: (state: StateSource) => Promise<void>,
): Promise<number> {
  const state = await openState(path, context.flags.milliseconds("timeout"));
  try {
    await use(state);
  } finally {
    await state.close();
  }
  return ExitCode.success;
}

function oneArgument({ args }: CommandContext): string {
  const [path] = args;
  if (path === undefined) throw failure("Must provide at least 1 argument (got [])");
  return path;
}

function twoArguments({ args }: CommandContext): readonly [string, string] {
  const [first, second] = args;
  if (first === undefined || second === undefined || args.length > 2) {
    throw failure(`Must provide 2 arguments (got [${args.join(" ")}])`);
  }
  return [first, second];
}

function failure(message: string): CommandError {
  return new CommandError(ExitCode.error, message);
}
