import type { KeyValue, ResponseHeader } from "@quorate/protocol";
import { goQuote } from "../go/go-quote.ts";
import type { Page } from "./page.ts";
import type { Style } from "./report.ts";

const NEWLINE = Uint8Array.of(10);

/** `%016x` of a lease. */
export function leaseHex(id: bigint): string {
  return hexOf(id, 16, "0");
}

/** `%16x` of a member or cluster. */
export function paddedHex(id: bigint): string {
  return hexOf(id, 16, " ");
}

/** Key and value on a line each, as they are or as `\xNN` each byte. */
export function simpleKeyValue(page: Page, kv: KeyValue | undefined, style: Style): void {
  const shown = (bytes: Uint8Array | undefined): void => {
    if (style.hex) page.text(escapedHex(bytes ?? new Uint8Array()));
    else if (bytes !== undefined) page.bytes(bytes);
    page.bytes(NEWLINE);
  };
  if (style.valuesOnly !== true) shown(kv?.key);
  shown(kv?.value);
}

/** The lines that most answers begin with in the format `fields`. CLI page, A1.3. */
export function headerFields(page: Page, header: ResponseHeader | undefined, style: Style): void {
  page.line(`"ClusterID" : ${idText(header?.clusterId ?? 0n, style)}`);
  page.line(`"MemberID" : ${idText(header?.memberId ?? 0n, style)}`);
  if (header !== undefined && header.revision > 0) page.line(`"Revision" : ${header.revision}`);
  page.line(`"RaftTerm" : ${header?.raftTerm ?? 0}`);
}

/** A key-value in the format `fields`, its names behind `prefix`. */
export function keyValueFields(page: Page, kv: KeyValue | undefined, style: Style, prefix = ""): void {
  const lease = kv?.lease ?? 0n;
  page.line(`"${prefix}Key" : ${goQuote(kv?.key ?? "")}`);
  page.line(`"${prefix}CreateRevision" : ${kv?.createRevision ?? 0}`);
  page.line(`"${prefix}ModRevision" : ${kv?.modRevision ?? 0}`);
  page.line(`"${prefix}Version" : ${kv?.version ?? 0}`);
  page.line(`"${prefix}Value" : ${goQuote(kv?.value ?? "")}`);
  page.line(`"${prefix}Lease" : ${style.hex ? leaseHex(lease) : lease}`);
}

/** A member or cluster: decimal, or in hexadecimal with --hex. */
export function idText(id: bigint, style: Style): string {
  return style.hex ? id.toString(16) : String(id);
}

/** A lease: decimal, or 16 digits in hexadecimal with --hex. */
export function leaseText(id: bigint, style: Style): string {
  return style.hex ? leaseHex(id) : String(id);
}

function hexOf(id: bigint, width: number, fill: string): string {
  return id < 0n ? `-${(-id).toString(16).padStart(width - 1, fill)}` : id.toString(16).padStart(width, fill);
}

function escapedHex(bytes: Uint8Array): string {
  let out = "";
  for (const byte of bytes) out += `\\x${byte.toString(16).padStart(2, "0")}`;
  return out;
}
