/**
 * The Huffman code of HPACK, decoding only. The code is canonical: codes of one length are consecutive, in the order of
 * their symbols, so the lengths alone define it. Source: RFC 7541 section 5.2 and appendix B.
 */

/** Code length in bits of each byte value; the end-of-string symbol, which may not appear, has 30 bits and comes last. */
// biome-ignore format: a table of sixteen columns
const LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];
const END_OF_STRING_BITS = 30;

/**
 * The decoder is a machine that takes four bits at a time: the state is a node inside the code tree, and a transition says
 * the next state and at most one byte to emit (no code is shorter than five bits). One transition is
 * `next << 9 | emits << 8 | byte`; the state -1, of a dead transition, is the end-of-string code.
 */
const DEAD = -1;

interface Node {
  readonly children: [Node | undefined, Node | undefined];
  symbol: number;
  /** Position in the table of states; leaves have none. */
  state: number;
  /** Whether what was read since the last symbol may be padding: at most seven bits, all ones. */
  padding: boolean;
}

const transitions: number[] = [];
const accepting: boolean[] = [];
build();
const TRANSITIONS = Int32Array.from(transitions);
const ACCEPTING = Uint8Array.from(accepting, Number);

/**
 * Decodes `source[start, end)` into `target` from its beginning and returns how many bytes that made, or -1 when the input
 * is not a valid string: it contains the end-of-string code, or ends with padding that is not fewer than eight ones.
 * `target` must have room for eight fifths of the input, rounded up.
 */
export function decodeHuffman(source: Uint8Array, start: number, end: number, target: Uint8Array): number {
  let state = 0;
  let length = 0;
  for (let position = start; position < end; position++) {
    const byte = source[position] as number;
    const high = TRANSITIONS[(state << 4) | (byte >>> 4)] as number;
    if (high === DEAD) return -1;
    if ((high & 0x100) !== 0) target[length++] = high;
    const low = TRANSITIONS[((high >>> 9) << 4) | (byte & 15)] as number;
    if (low === DEAD) return -1;
    if ((low & 0x100) !== 0) target[length++] = low;
    state = low >>> 9;
  }
  return ACCEPTING[state] === 1 ? length : -1;
}

function node(): Node {
  return { children: [undefined, undefined], symbol: -1, state: -1, padding: false };
}

function build(): void {
  const root = node();
  let code = 0;
  let previousBits = 0;
  const order = [...LENGTHS.keys(), 256].sort((a, b) => bitsOf(a) - bitsOf(b) || a - b);
  for (const symbol of order) {
    const bits = bitsOf(symbol);
    code = code * 2 ** (bits - previousBits);
    insert(root, code, bits, symbol);
    code += 1;
    previousBits = bits;
  }
  const inner: Node[] = [];
  const number = (at: Node, depth: number, onlyOnes: boolean): void => {
    if (at.symbol !== -1) return;
    at.state = inner.push(at) - 1;
    at.padding = onlyOnes && depth < 8;
    number(at.children[0] as Node, depth + 1, false);
    number(at.children[1] as Node, depth + 1, onlyOnes);
  };
  number(root, 0, true);
  for (const at of inner) {
    accepting.push(at.padding);
    for (let nibble = 0; nibble < 16; nibble++) transitions.push(transition(root, at, nibble));
  }
}

function bitsOf(symbol: number): number {
  return LENGTHS[symbol] ?? END_OF_STRING_BITS;
}

function insert(root: Node, code: number, bits: number, symbol: number): void {
  let at = root;
  for (let bit = bits - 1; bit >= 0; bit--) {
    const side = Math.floor(code / 2 ** bit) % 2 === 0 ? 0 : 1;
    at.children[side] ??= node();
    at = at.children[side];
  }
  at.symbol = symbol;
}

function transition(root: Node, from: Node, nibble: number): number {
  let at = from;
  let emitted = 0;
  for (let bit = 3; bit >= 0; bit--) {
    at = at.children[((nibble >>> bit) & 1) as 0 | 1] as Node;
    if (at.symbol === 256) return DEAD;
    if (at.symbol !== -1) {
      emitted = 0x100 | at.symbol;
      at = root;
    }
  }
  return (at.state << 9) | emitted;
}
