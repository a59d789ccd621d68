import type { LogFields } from "@quorate/base";

/** What one line says. `bound` are the fields of the logger, encoded before. */
export interface LogLine {
  readonly level: string;
  /** Wall-clock milliseconds since the Unix epoch. */
  readonly wallMs: number;
  /** `folder/file.js:line`; empty when unknown. */
  readonly caller: string;
  readonly message: string;
  readonly bound: string;
  readonly fields: LogFields | undefined;
}

/** Turns a line into text that ends with a newline. Never throws. */
export type LineEncoder = (line: LogLine) => string;

/** Longest string kept of one value; the rest is cut, so that no line grows with what a client sent. */
const VALUE_CHARS_MAX = 8192;

/** One JSON object with the keys and the order of etcd's: level, ts, caller, msg, then the fields. */
export function encodeJson(line: LogLine): string {
  const caller = line.caller === "" ? "" : `,"caller":${JSON.stringify(line.caller)}`;
  return (
    `{"level":"${line.level}","ts":"${formatTime(line.wallMs)}"${caller},"msg":${encodeText(line.message)}` +
    `${line.bound}${encodeFields(line.fields)}}\n`
  );
}

/** Tab-separated for people, fields as JSON at the end: zap's console form. */
export function encodeConsole(line: LogLine): string {
  const fields = (line.bound + encodeFields(line.fields)).slice(1);
  const parts = [formatTime(line.wallMs), line.level];
  if (line.caller !== "") parts.push(line.caller);
  parts.push(oneLine(line.message));
  if (fields !== "") parts.push(`{${fields}}`);
  return `${parts.join("\t")}\n`;
}

/** `,"key":value` for each field; empty for none. */
export function encodeFields(fields: LogFields | undefined): string {
  if (fields === undefined) return "";
  let text = "";
  try {
    for (const key of Object.keys(fields)) {
      const value = fields[key];
      if (value !== undefined) text += `,${JSON.stringify(key)}:${encodeValue(value)}`;
    }
  } catch (error) {
    text += `,"unloggable":${encodeText(String(error))}`;
  }
  return text;
}

/** Local time with milliseconds and zone: `2026-01-02T03:04:05.678Z`, `2026-01-02T05:04:05.678+0200`. */
export function formatTime(wallMs: number, zoneMinutes: number = -new Date(wallMs).getTimezoneOffset()): string {
  if (zoneMinutes === 0) return new Date(wallMs).toISOString();
  const local = new Date(wallMs + zoneMinutes * 60_000).toISOString().slice(0, -1);
  const minutes = Math.abs(zoneMinutes);
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${local}${zoneMinutes < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`;
}

function encodeValue(value: unknown): string {
  switch (typeof value) {
    case "string":
      return encodeText(value);
    case "number":
      return Number.isFinite(value) ? String(value) : `"${value}"`;
    case "boolean":
      return String(value);
    case "bigint":
      return `"${value}"`;
    case "object":
      return encodeObject(value);
    default:
      return encodeText(String(value));
  }
}

function encodeObject(value: object | null): string {
  if (value === null) return "null";
  // Duck-typed: an error of another realm is no `instanceof Error`.
  if (value instanceof Error || ("message" in value && "stack" in value)) return encodeText(String(value.message));
  if (value instanceof Uint8Array) return encodeText(`${value.length} bytes`);
  const text = JSON.stringify(value, (_key, inner: unknown) => (typeof inner === "bigint" ? String(inner) : inner));
  return text === undefined ? '"undefined"' : text.length > VALUE_CHARS_MAX ? encodeText(text) : text;
}

function encodeText(text: string): string {
  return JSON.stringify(text.length > VALUE_CHARS_MAX ? `${text.slice(0, VALUE_CHARS_MAX)}…` : text);
}

/** Control characters would let a message forge lines of its own. */
function oneLine(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
