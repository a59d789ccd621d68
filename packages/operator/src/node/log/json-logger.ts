import type { LogFields, Logger } from "@quorate/base";

export type LogLevel = "debug" | "info" | "warn" | "error";

const SEVERITY: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
/** Longest text kept of one value. */
const VALUE_CHARS_MAX = 4096;

export interface JsonLoggerOptions {
  /** Less severe lines are dropped. */
  readonly level: LogLevel;
  /** Takes each line, newline included; must not throw or block. */
  readonly write: (line: string) => void;
  /** Milliseconds since the Unix epoch. */
  readonly wallMs: () => number;
}

/** One JSON object a line: level, ts, msg, then the fields, as the server's log has them. */
export class JsonLogger implements Logger {
  readonly #options: JsonLoggerOptions;
  readonly #bound: LogFields;

  constructor(options: JsonLoggerOptions, bound: LogFields = {}) {
    this.#options = options;
    this.#bound = bound;
  }

  debug(message: string, fields?: LogFields): void {
    this.#log("debug", message, fields);
  }
  info(message: string, fields?: LogFields): void {
    this.#log("info", message, fields);
  }
  warn(message: string, fields?: LogFields): void {
    this.#log("warn", message, fields);
  }
  error(message: string, fields?: LogFields): void {
    this.#log("error", message, fields);
  }
  child(fields: LogFields): Logger {
    return new JsonLogger(this.#options, { ...this.#bound, ...fields });
  }

  #log(level: LogLevel, msg: string, fields: LogFields | undefined): void {
    if (SEVERITY[level] < SEVERITY[this.#options.level]) return;
    const ts = new Date(this.#options.wallMs()).toISOString();
    this.#options.write(`${encode({ level, ts, msg, ...this.#bound, ...fields })}\n`);
  }
}

function encode(line: LogFields): string {
  try {
    return JSON.stringify(line, (_key, value: unknown) => plain(value));
  } catch (error) {
    return JSON.stringify({ level: line["level"], ts: line["ts"], msg: line["msg"], unloggable: String(error) });
  }
}

function plain(value: unknown): unknown {
  switch (typeof value) {
    case "bigint":
      return String(value);
    case "string":
      return value.length > VALUE_CHARS_MAX ? `${value.slice(0, VALUE_CHARS_MAX)}…` : value;
    case "object":
      if (value === null) return null;
      if (value instanceof Uint8Array) return `${value.length} bytes`;
      // Duck-typed: an error of another realm is no `instanceof Error`.
      if ("message" in value && "stack" in value) return plain(String(value.message));
      return value instanceof Map ? Object.fromEntries(value) : value;
    default:
      return value;
  }
}
