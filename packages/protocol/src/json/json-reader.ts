import { latin1FromBytes, utf8Bytes, utf8TextStrict } from "@quorate/base";
import { JsonError } from "./json-error.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NEWLINE = 0x0a;
const RAW_LENGTH_MAX = 1024;
const ESCAPES: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/** Kinds of tokens, by what they begin with. */
export type JsonKind = "object" | "objectEnd" | "array" | "arrayEnd" | "string" | "boolean" | "null" | "number";

const KINDS: Readonly<Record<number, JsonKind>> = {
  0x7b: "object",
  0x7d: "objectEnd",
  0x5b: "array",
  0x5d: "arrayEnd",
  [QUOTE]: "string",
  0x74: "boolean",
  0x66: "boolean",
  0x6e: "null",
};

/**
 * Reads the tokens of one well-formed JSON value (see `JsonValues`), with what protojson says of those that it does not take. Commas,
 * colons and space are passed over.
 */
export class JsonReader {
  readonly #bytes: Uint8Array;
  /** Where the token that was read last begins and ends. */
  #token = 0;
  #tokenEnd = 0;
  #position = 0;
  /** The string that was read last is ASCII without escapes. */
  #isPlain = true;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** What the next token is, without reading it. */
  peek(): JsonKind {
    const bytes = this.#bytes;
    for (;;) {
      const byte = bytes[this.#position];
      if (byte === 0x20 || byte === NEWLINE || byte === 0x0d || byte === 0x09 || byte === 0x2c || byte === 0x3a) {
        this.#position++;
      } else {
        if (byte === undefined) throw new JsonError("proto: unexpected EOF");
        return KINDS[byte] ?? "number";
      }
    }
  }

  /** Reads a token other than a string, whose content {@link text} has. */
  read(): JsonKind {
    const kind = this.peek();
    this.#token = this.#position;
    if (kind === "string") this.#skipString();
    else if (kind === "number" || kind === "boolean" || kind === "null") this.#skipWord();
    else this.#position++;
    this.#tokenEnd = this.#position;
    return kind;
  }

  /** Reads the next token, a string, and returns its content. */
  text(): string {
    this.read();
    const start = this.#token + 1;
    const end = this.#tokenEnd - 1;
    if (this.#isPlain) return latin1FromBytes(this.#bytes, start, end);
    const text = utf8TextStrict(this.#bytes.subarray(start, end));
    if (text === undefined) throw this.syntaxError("invalid UTF-8 in string");
    return this.#unescaped(text);
  }

  /** The present token as it was written; what is very long is cut. */
  raw(): string {
    const end = Math.min(this.#tokenEnd, this.#token + RAW_LENGTH_MAX);
    const bytes = this.#bytes.subarray(this.#token, end);
    const text = utf8TextStrict(bytes) ?? latin1FromBytes(bytes);
    return end < this.#tokenEnd ? `${text}...` : text;
  }

  /** Passes over the next value, whatever it is. Strings in it must be such, too. */
  skipValue(): void {
    let open = 0;
    do {
      const kind = this.peek();
      if (kind === "string") {
        this.read();
        // What is neither escaped nor beyond ASCII needs no look.
        if (!this.#isPlain) {
          this.#position = this.#token;
          this.text();
        }
        continue;
      }
      this.read();
      if (kind === "object" || kind === "array") open++;
      else if (kind === "objectEnd" || kind === "arrayEnd") open--;
    } while (open > 0);
  }

  /** An error at the present token. */
  error(what: string): JsonError {
    return new JsonError(`proto: ${this.#place()}: ${what}`);
  }

  syntaxError(what: string): JsonError {
    return new JsonError(`proto: syntax error ${this.#place()}: ${what}`);
  }

  unexpected(): JsonError {
    return this.syntaxError(`unexpected token ${this.raw()}`);
  }

  /** Line and column, counted in characters from 1. */
  #place(): string {
    let line = 1;
    let column = 1;
    for (let i = 0; i < this.#token; i++) {
      const byte = this.#bytes[i] as number;
      if (byte === NEWLINE) {
        line++;
        column = 1;
      } else if ((byte & 0xc0) !== 0x80) column++;
    }
    return `(line ${line}:${column})`;
  }

  #skipString(): void {
    const bytes = this.#bytes;
    let at = this.#position + 1;
    let seen = 0;
    let isEscaped = false;
    for (;;) {
      const byte = bytes[at] as number;
      if (byte === QUOTE) break;
      seen |= byte;
      if (byte === BACKSLASH) {
        isEscaped = true;
        at++;
      }
      at++;
    }
    this.#isPlain = !isEscaped && seen < 0x80;
    this.#position = at + 1;
  }

  #skipWord(): void {
    const bytes = this.#bytes;
    let at = this.#position;
    while (at < bytes.length && isWordByte(bytes[at] as number)) at++;
    this.#position = at;
  }

  #unescaped(text: string): string {
    const parts: string[] = [];
    let from = 0;
    for (let at = text.indexOf("\\"); at >= 0; at = text.indexOf("\\", from)) {
      parts.push(text.slice(from, at));
      const char = text.charAt(at + 1);
      from = at + 2;
      if (char !== "u") {
        parts.push(ESCAPES[char] ?? char);
        continue;
      }
      const unit = hexAt(text, from);
      from += 4;
      if (isHigh(unit) && text.startsWith("\\u", from) && isLow(hexAt(text, from + 2))) {
        parts.push(String.fromCharCode(unit, hexAt(text, from + 2)));
        from += 6;
      } else if (isHigh(unit) || isLow(unit)) throw this.#loneHalf(text.slice(0, from));
      else parts.push(String.fromCharCode(unit));
    }
    parts.push(text.slice(from));
    return parts.join("");
  }

  /** Half a pair of code units without the other, behind `before` in the present string. */
  #loneHalf(before: string): JsonError {
    const from = this.#token + 1 + utf8Bytes(before).length;
    const next = this.#bytes.subarray(from, from + 6);
    if (next.length < 6) return new JsonError("proto: unexpected EOF");
    const text = utf8TextStrict(next) ?? latin1FromBytes(next);
    return this.syntaxError(`invalid escape code ${JSON.stringify(text)} in string`);
  }
}

/** Four hexadecimal digits. */
function hexAt(text: string, at: number): number {
  let value = 0;
  for (let i = at; i < at + 4; i++) {
    const code = text.charCodeAt(i);
    value = value * 16 + (code <= 0x39 ? code - 0x30 : (code | 0x20) - 0x57);
  }
  return value;
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}

/** Part of a number or of a literal: letters, digits, signs and the point. */
function isWordByte(byte: number): boolean {
  const lower = byte | 0x20;
  if (lower >= 0x61 && lower <= 0x7a) return true;
  return byte === 0x2b || byte === 0x2d || byte === 0x2e || (byte >= 0x30 && byte <= 0x39);
}
