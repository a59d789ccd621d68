import { confStateJson, NODE_FILE_SYSTEM } from "@quorate/storage";
import type { RunCommand } from "../frame/command.ts";
import { CommandError } from "../frame/command-error.ts";
import type { CommandContext } from "../frame/context.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { Page } from "../print/page.ts";
import { directoryFlag, withoutSlash } from "./directory-flag.ts";
import { dumpRecords } from "./dump-records.ts";
import { ENTRY_TYPES, entryFilter, entryRow, readEntry } from "./entry-types.ts";
import { type LogEntries, namedSnapshot, newestSnapshot, readEntries } from "./log-entries.ts";
import { StreamDecoder } from "./stream-decoder.ts";

/** Entry types that are shown unless told otherwise. */
export const DEFAULT_ENTRY_TYPES = "Normal,ConfigChange";
/** Rows after which output is waited for. */
const ROWS_PER_DRAIN = 1000;

/** `dump-logs <data-dir>` (CLI page, C). */
export const runDumpLogs: RunCommand = async (context) => {
  const { args, flags } = context;
  const [given, ...more] = args;
  if (given === undefined || more.length > 0) {
    throw failure(`Must provide data-dir argument (got [${args.join(" ")}])`);
  }
  if (flags.string("start-snap") !== "" && flags.integer("start-index") !== 0) {
    throw failure("start-snap and start-index flags cannot be used together.");
  }
  const dataDirectory = withoutSlash(given);
  const walDirectory = directoryFlag(flags, "wal-dir") ?? `${dataDirectory}/member/wal`;
  if (NODE_FILE_SYSTEM.stat(walDirectory)?.kind !== "directory") {
    throw failure(`Failed opening WAL: ${walDirectory}: no such directory`);
  }
  if (flags.bool("raw")) await dumpRaw(context, walDirectory);
  else await dumpEntries(context, `${dataDirectory}/member/snap`, walDirectory);
  return ExitCode.success;
};

async function dumpRaw(context: CommandContext, walDirectory: string): Promise<void> {
  const { flags } = context;
  if (flags.string("start-snap") !== "" || flags.changed("entry-type") || flags.string("stream-decoder") !== "") {
    throw failure("Flags --entry-type, --stream-decoder, --entrytype not supported in the RAW mode.");
  }
  await dumpRecords(context.stdout, walDirectory, flags.changed("start-index") ? flags.integer("start-index") : 0);
}

async function dumpEntries(context: CommandContext, snapDirectory: string, walDirectory: string): Promise<void> {
  const { flags, stderr, stdout } = context;
  const page = new Page(stdout);
  const from = startOf(context, page, snapDirectory, walDirectory);
  const log = readEntries(walDirectory, from);
  const end = flags.bigint("end-index");
  const entries = log.entries.filter(({ index }) => BigInt(index) < end);
  printHead(page, { ...log, entries });
  const decoder = flags.string("stream-decoder");
  page.line(`term\t     index\ttype\tdata${decoder === "" ? "" : "\tdecoder_status\tdecoded_data"}`);
  const { passes, unknown } = entryFilter(flags.string("entry-type"));
  for (const name of unknown) {
    stderr.write(
      `[${name}] is not a valid entry-type, ignored.\nPlease set entry-type to one or more of the following:\n`,
    );
    stderr.write(`${ENTRY_TYPES.join(", ")}\n`);
  }
  const stream = decoder === "" ? undefined : new StreamDecoder(decoder);
  let count = 0;
  for (const entry of entries) {
    const read = readEntry(entry);
    if (!passes(read)) continue;
    page.line(entryRow(read) + (stream === undefined ? "" : `\t${await stream.decode(entry.data)}`));
    if (++count % ROWS_PER_DRAIN === 0) await stdout.drained();
  }
  const said = await stream?.end();
  if (said !== undefined && said !== "") stderr.write(`decoder stderr: ${said}`);
  page.line(`\nEntry types (${flags.string("entry-type")}) count is : ${count}`);
  page.end();
}

/** Prints where the dump begins; the index before its first entry. */
function startOf({ flags }: CommandContext, page: Page, snapDirectory: string, walDirectory: string): number {
  if (flags.changed("start-index")) {
    const index = flags.integer("start-index");
    page.line(`Start dumping log entries from index ${index}.`);
    return Math.max(0, index - 1);
  }
  const name = flags.string("start-snap");
  const snapshot = name === "" ? newestSnapshot(snapDirectory, walDirectory) : namedSnapshot(snapDirectory, name);
  page.line("Snapshot:");
  if (snapshot === undefined) page.line("empty");
  else {
    const { confState, index, term } = snapshot;
    const nodes = (confState?.voters ?? []).map((id) => id.toString(16)).join(" ");
    const json = confState === undefined ? "{}" : Buffer.from(confStateJson(confState)).toString();
    page.line(`term=${term} index=${index} nodes=[${nodes}] confstate=${json}`);
  }
  page.line("Start dumping log entries from snapshot.");
  return snapshot?.index ?? 0;
}

function printHead(page: Page, { clusterId, entries, memberId, state }: LogEntries): void {
  page.line("WAL metadata:");
  page.line(
    `nodeID=${memberId.toString(16)} clusterID=${clusterId.toString(16)} term=${state.term} ` +
      `commitIndex=${state.commit} vote=${state.vote.toString(16)}`,
  );
  page.line(`WAL entries: ${entries.length}`);
  const last = entries.at(-1);
  if (last !== undefined) page.line(`lastIndex=${last.index}`);
}

function failure(message: string): CommandError {
  return new CommandError(ExitCode.error, message);
}
