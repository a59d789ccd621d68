import { JsonError } from "./json-error.ts";

/** Containers nest this deep at most, as in Go's decoder. */
const CONTAINER_DEPTH_MAX = 10_000;
const FIRST_CAPACITY = 1024;

/** What may come next; the order matters nowhere. */
const VALUE = 0;
const VALUE_OR_END = 1;
const KEY = 2;
const KEY_OR_END = 3;
const AFTER_VALUE = 4;
const STRING = 5;
const ESCAPE = 6;
const HEX = 7;
const LITERAL = 8;
const MINUS = 9;
const ZERO = 10;
const INTEGER = 11;
const POINT = 12;
const FRACTION = 13;
const EXPONENT = 14;
const EXPONENT_SIGN = 15;
const EXPONENT_DIGITS = 16;

/** What a container on the stack waits for. */
const ARRAY = 0;
const OBJECT_KEY = 1;
const OBJECT_VALUE = 2;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ZERO_DIGIT = 0x30;
const NINE_DIGIT = 0x39;

const ESCAPABLE = bytesOf('bfnrt\\/"');
const LITERALS: Readonly<Record<number, Uint8Array>> = {
  0x74: bytesOf("true"),
  0x66: bytesOf("false"),
  0x6e: bytesOf("null"),
};
const NO_LITERAL = new Uint8Array(0);

/**
 * Cuts a stream of bytes into the JSON values that it is made of, one behind the other, as Go's `json.Decoder` does: what is no JSON
 * is found at its first wrong byte, in that decoder's words. Source: grpc-gateway v2 reads bodies through it.
 */
export class JsonValues {
  #buffer: Uint8Array = new Uint8Array(FIRST_CAPACITY);
  /** Bytes in the buffer. */
  #length = 0;
  /** Bytes of them that have been looked at. */
  #scanned = 0;
  /** Where the present value begins; -1 between two. */
  #start = -1;
  #state = VALUE;
  readonly #stack: number[] = [];
  #literal: Uint8Array = NO_LITERAL;
  /** Bytes seen of a literal, or hexadecimal digits of an escape. */
  #count = 0;

  /** Bytes held: of a value that is not complete, and of what has not been looked at. */
  get heldBytes(): number {
    return this.#length - (this.#start < 0 ? this.#scanned : this.#start);
  }

  /** Whether a value has begun and is not complete. */
  get isWithinValue(): boolean {
    return this.#start >= 0;
  }

  /** Adds bytes (borrowed). */
  push(chunk: Uint8Array): void {
    this.#makeRoom(chunk.length);
    this.#buffer.set(chunk, this.#length);
    this.#length += chunk.length;
  }

  /** The next complete value, without the space around it, valid until the next call; undefined until more is pushed. Throws {@link JsonError}. */
  next(): Uint8Array | undefined {
    while (this.#scanned < this.#length) {
      const byte = this.#buffer[this.#scanned] as number;
      if (this.#start < 0) {
        if (isSpace(byte)) {
          this.#scanned++;
          continue;
        }
        this.#start = this.#scanned;
      }
      if (this.#state === STRING) {
        this.#skipText();
        if (this.#scanned === this.#length) return undefined;
      }
      const isComplete = this.#step(this.#buffer[this.#scanned] as number);
      // A number or a literal at the top ends before the byte that shows it.
      if (isComplete !== "before") this.#scanned++;
      if (isComplete !== false) return this.#take();
    }
    return undefined;
  }

  /** All bytes have been pushed and taken. Returns a last value that only now is known to be complete. Throws {@link JsonError}. */
  end(): Uint8Array | undefined {
    if (this.#start < 0) return undefined;
    const isWhole = this.#stack.length === 0 && (this.#state === AFTER_VALUE || isNumberEnd(this.#state));
    if (!isWhole) throw new JsonError("unexpected EOF");
    return this.#take();
  }

  #take(): Uint8Array {
    const value = this.#buffer.subarray(this.#start, this.#scanned);
    this.#start = -1;
    this.#state = VALUE;
    return value;
  }

  /** Makes room for so many more bytes, by dropping what has been taken or by growing. */
  #makeRoom(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const from = this.#start < 0 ? this.#scanned : this.#start;
    const kept = this.#length - from;
    let capacity = FIRST_CAPACITY;
    while (capacity < kept + bytes) capacity *= 2;
    const buffer = new Uint8Array(capacity);
    buffer.set(this.#buffer.subarray(from, this.#length));
    this.#buffer = buffer;
    this.#length = kept;
    this.#scanned -= from;
    if (this.#start >= 0) this.#start = 0;
  }

  /** Passes over what is nothing special in a string. */
  #skipText(): void {
    const buffer = this.#buffer;
    let at = this.#scanned;
    while (at < this.#length) {
      const byte = buffer[at] as number;
      if (byte === QUOTE || byte === BACKSLASH || byte < 0x20) break;
      at++;
    }
    this.#scanned = at;
  }

  /** Takes one byte; returns whether it completes the value, or shows that the value was complete before it. */
  #step(byte: number): boolean | "before" {
    switch (this.#state) {
      case VALUE:
      case VALUE_OR_END:
        return this.#beginValue(byte);
      case KEY:
      case KEY_OR_END:
        return this.#beginKey(byte);
      case AFTER_VALUE:
        return this.#afterValue(byte);
      case STRING:
        return this.#inString(byte);
      case ESCAPE:
        return this.#inEscape(byte);
      case HEX:
        if (!isHexDigit(byte)) throw wrong(byte, "in \\u hexadecimal character escape");
        if (++this.#count === 4) this.#state = STRING;
        return false;
      case LITERAL:
        return this.#inLiteral(byte);
      default:
        return this.#inNumber(byte);
    }
  }

  #beginValue(byte: number): boolean {
    if (isSpace(byte)) return false;
    if (byte === 0x5d && this.#state === VALUE_OR_END) return this.#close();
    if (byte === 0x7b) return this.#open(byte, OBJECT_KEY, KEY_OR_END);
    if (byte === 0x5b) return this.#open(byte, ARRAY, VALUE_OR_END);
    const literal = LITERALS[byte];
    if (literal !== undefined) {
      this.#literal = literal;
      this.#count = 1;
      this.#state = LITERAL;
    } else if (byte === QUOTE) this.#state = STRING;
    else if (byte === 0x2d) this.#state = MINUS;
    else if (byte === ZERO_DIGIT) this.#state = ZERO;
    else if (isDigit(byte)) this.#state = INTEGER;
    else throw wrong(byte, "looking for beginning of value");
    return false;
  }

  #open(byte: number, container: number, state: number): boolean {
    if (this.#stack.length === CONTAINER_DEPTH_MAX) throw wrong(byte, "exceeded max depth");
    this.#stack.push(container);
    this.#state = state;
    return false;
  }

  /** A container ends; true when it is the outermost. */
  #close(): boolean {
    this.#stack.pop();
    this.#state = AFTER_VALUE;
    return this.#stack.length === 0;
  }

  #beginKey(byte: number): boolean {
    if (isSpace(byte)) return false;
    if (byte === 0x7d && this.#state === KEY_OR_END) return this.#close();
    if (byte !== QUOTE) throw wrong(byte, "looking for beginning of object key string");
    this.#state = STRING;
    return false;
  }

  #afterValue(byte: number): boolean | "before" {
    const top = this.#stack.length - 1;
    if (top < 0) return "before";
    if (isSpace(byte)) {
      this.#state = AFTER_VALUE;
      return false;
    }
    const container = this.#stack[top];
    if (container === OBJECT_KEY) {
      if (byte !== 0x3a) throw wrong(byte, "after object key");
      this.#stack[top] = OBJECT_VALUE;
      this.#state = VALUE;
    } else if (container === OBJECT_VALUE) {
      if (byte === 0x7d) return this.#close();
      if (byte !== 0x2c) throw wrong(byte, "after object key:value pair");
      this.#stack[top] = OBJECT_KEY;
      this.#state = KEY;
    } else {
      if (byte === 0x5d) return this.#close();
      if (byte !== 0x2c) throw wrong(byte, "after array element");
      this.#state = VALUE;
    }
    return false;
  }

  #inString(byte: number): boolean {
    if (byte === QUOTE) this.#state = AFTER_VALUE;
    else if (byte === BACKSLASH) this.#state = ESCAPE;
    else throw wrong(byte, "in string literal");
    return false;
  }

  #inEscape(byte: number): boolean {
    if (byte === 0x75) {
      this.#count = 0;
      this.#state = HEX;
    } else if (ESCAPABLE.includes(byte)) this.#state = STRING;
    else throw wrong(byte, "in string escape code");
    return false;
  }

  #inLiteral(byte: number): boolean {
    const expected = this.#literal[this.#count] as number;
    if (byte !== expected) {
      const name = String.fromCharCode(...this.#literal);
      throw wrong(byte, `in literal ${name} (expecting '${String.fromCharCode(expected)}')`);
    }
    if (++this.#count === this.#literal.length) this.#state = AFTER_VALUE;
    return false;
  }

  #inNumber(byte: number): boolean | "before" {
    const state = this.#state;
    const digit = isDigit(byte);
    const exponent = byte === 0x65 || byte === 0x45;
    if (state === MINUS) {
      if (!digit) throw wrong(byte, "in numeric literal");
      this.#state = byte === ZERO_DIGIT ? ZERO : INTEGER;
    } else if (state === POINT) {
      if (!digit) throw wrong(byte, "after decimal point in numeric literal");
      this.#state = FRACTION;
    } else if (state === EXPONENT && (byte === 0x2b || byte === 0x2d)) {
      this.#state = EXPONENT_SIGN;
    } else if (state === EXPONENT || state === EXPONENT_SIGN) {
      if (!digit) throw wrong(byte, "in exponent of numeric literal");
      this.#state = EXPONENT_DIGITS;
    } else if (digit && state !== ZERO) return false;
    else if (byte === 0x2e && (state === ZERO || state === INTEGER)) this.#state = POINT;
    else if (exponent && state !== EXPONENT_DIGITS) this.#state = EXPONENT;
    else return this.#afterValue(byte);
    return false;
  }
}

function isNumberEnd(state: number): boolean {
  return state === ZERO || state === INTEGER || state === FRACTION || state === EXPONENT_DIGITS;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO_DIGIT && byte <= NINE_DIGIT;
}

function isHexDigit(byte: number): boolean {
  return isDigit(byte) || (byte >= 0x61 && byte <= 0x66) || (byte >= 0x41 && byte <= 0x46);
}

function wrong(byte: number, where: string): JsonError {
  return new JsonError(`invalid character ${quoted(byte)} ${where}`);
}

/** A byte as Go quotes a character. */
function quoted(byte: number): string {
  if (byte === 0x27) return "'\\''";
  if (byte === BACKSLASH) return "'\\\\'";
  const named: Readonly<Record<number, string>> = {
    7: "\\a",
    8: "\\b",
    9: "\\t",
    10: "\\n",
    11: "\\v",
    12: "\\f",
    13: "\\r",
  };
  const name = named[byte];
  if (name !== undefined) return `'${name}'`;
  const hex = byte.toString(16).padStart(2, "0");
  if (byte < 0x20 || byte === 0x7f) return `'\\x${hex}'`;
  // Bytes are taken for characters of the same number; those without a shape are written as their number.
  if ((byte >= 0x80 && byte <= 0xa0) || byte === 0xad) return `'\\u00${hex}'`;
  return `'${String.fromCharCode(byte)}'`;
}

function bytesOf(ascii: string): Uint8Array {
  return Uint8Array.from(ascii, (char) => char.charCodeAt(0));
}
