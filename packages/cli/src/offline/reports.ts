import type { HashKvResult } from "@quorate/mvcc";
import type { SnapshotStatus } from "@quorate/storage";
import type { CommandContext } from "../frame/context.ts";
import { humanBytes } from "../go/byte-size.ts";
import { parseFormat, printReport, type Report } from "../print/report.ts";

/** Refuses a format that there is not, before any work is done. */
export function checkFormat(context: CommandContext): void {
  parseFormat(context.flags.string("write-out"));
}

/** Prints what etcdutl prints of a file, in the format asked for. */
export function printFileReport(context: CommandContext, report: Report): void {
  const format = parseFormat(context.flags.string("write-out"));
  printReport(context.stdout, report, { format, hex: context.flags.bool("hex") });
}

/** CLI page, B1. */
export function statusReport({ hash, revision, totalKey, totalSize, version }: SnapshotStatus): Report {
  return fileReport({
    type: "snapshot.Status",
    json: { hash, revision, totalKey, totalSize, version },
    fieldNames: ["Hash", "Revision", "Keys", "Size", "Version"],
    headings: ["hash", "revision", "total keys", "total size", "version"],
    row: [hash.toString(16), String(revision), String(totalKey), humanBytes(totalSize), version],
  });
}

/** CLI page, B2. */
export function hashKvReport({ compactRevision, hash, hashRevision }: HashKvResult): Report {
  return fileReport({
    type: "etcdutl.HashKV",
    json: { hash, hashRevision, compactRevision },
    fieldNames: ["Hash", "Hash revision", "Compact revision"],
    headings: ["hash", "hash revision", "compact revision"],
    row: [String(hash), String(hashRevision), String(compactRevision)],
  });
}

function fileReport(what: {
  readonly type: string;
  readonly json: Readonly<Record<string, number | string>>;
  readonly fieldNames: readonly string[];
  readonly headings: readonly string[];
  readonly row: readonly string[];
}): Report {
  const values = Object.values(what.json);
  return {
    simple: (page) => page.line(what.row.join(", ")),
    fields: (page) => {
      for (const [i, name] of what.fieldNames.entries()) page.line(`"${name}" : ${values[i] ?? ""}`);
    },
    json: () => what.json,
    table: () => ({ headings: what.headings, rows: [what.row] }),
    notProtobuf: `${what.type} ({${values.join(" ")}})`,
  };
}
