import type { MessageDescriptor } from "@quorate/protocol";
import { CommandError } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";
import type { Output } from "../frame/output.ts";
import { type GoValue, goJson, messageValue } from "../go/go-json.ts";
import { boxTable, type Table } from "./box-table.ts";
import { Page } from "./page.ts";

/** Formats of --write-out. */
export type Format = "fields" | "json" | "protobuf" | "simple" | "table";

/** How to print. */
export interface Style {
  readonly format: Format;
  /** --hex */
  readonly hex: boolean;
  /** --print-value-only */
  readonly valuesOnly?: boolean;
}

/** What a command has to tell, in each of the formats that it can be told in. */
export interface Report<T = unknown> {
  /** The message itself, for `json` and `protobuf`. */
  readonly message?: { readonly descriptor: MessageDescriptor<T>; readonly value: T };
  readonly simple: (page: Page, style: Style) => void;
  readonly fields?: (page: Page, style: Style) => void;
  /** In place of the message's own JSON. */
  readonly json?: (style: Style) => GoValue;
  readonly table?: () => Table;
  /** etcdctl's name for what it prints where that is not a message; then there is no protobuf form. */
  readonly notProtobuf?: string;
}

/** A report of a message, with its type kept. */
export function messageReport<T>(
  descriptor: MessageDescriptor<T>,
  value: T,
  forms: Omit<Report<T>, "message">,
): Report {
  return { message: { descriptor, value }, ...forms } as Report;
}

/** Reads --write-out. Throws CommandError for a format that there is not. */
export function parseFormat(text: string): Format {
  switch (text) {
    case "fields":
    case "json":
    case "protobuf":
    case "simple":
    case "table":
      return text;
    default:
      throw new CommandError(ExitCode.badFeature, "unsupported output format");
  }
}

/** Prints a report. Throws CommandError (exit code 4) for a format that it does not come in. */
export function printReport(output: Output, report: Report, style: Style): void {
  const page = new Page(output);
  switch (style.format) {
    case "simple":
      report.simple(page, style);
      break;
    case "fields":
      if (report.fields === undefined) throw notSupported("fields");
      report.fields(page, style);
      break;
    case "json":
      page.line(goJson(jsonOf(report, style)));
      break;
    case "table":
      if (report.table === undefined) throw notSupported("table");
      page.text(boxTable(report.table()));
      break;
    case "protobuf":
      page.bytes(protobufOf(report));
      break;
  }
  page.end();
}

function jsonOf(report: Report, style: Style): GoValue {
  if (report.json !== undefined) return report.json(style);
  if (report.message === undefined) throw notSupported("json");
  return messageValue(report.message.descriptor, report.message.value);
}

function protobufOf(report: Report): Uint8Array {
  if (report.notProtobuf !== undefined)
    throw new CommandError(ExitCode.badFeature, `marshal unsupported for type ${report.notProtobuf}`);
  if (report.message === undefined) throw notSupported("protobuf");
  return report.message.descriptor.encode(report.message.value);
}

function notSupported(format: Format): CommandError {
  return new CommandError(ExitCode.badFeature, `${format} not supported as output format`);
}
