/**
 * The two halves of a 64-bit integer. Typed arrays over one buffer turn halves into a bigint and back without BigInt
 * arithmetic, which costs an allocation for each step. Scratch memory: valid until the next use anywhere.
 */
const buffer = new ArrayBuffer(8);
/** The halves, each unsigned, at {@link LOW} and {@link HIGH}. */
export const words: Uint32Array = new Uint32Array(buffer);
/** The whole as unsigned bigint; what is stored is cut to 64 bits. */
export const unsigned: BigUint64Array = new BigUint64Array(buffer);
/** The whole as signed bigint. */
export const signed: BigInt64Array = new BigInt64Array(buffer);

unsigned[0] = 1n;
/** Position of the low half in {@link words}, which depends on the host's byte order. */
export const LOW: number = words[0] === 1 ? 0 : 1;
/** Position of the high half. */
export const HIGH: number = 1 - LOW;

const TWO_32 = 0x1_0000_0000;
const TWO_63 = 0x8000_0000_0000_0000;
const TWO_64 = 0x1_0000_0000_0000_0000;

/** Puts an integer in [0, 2^64) into the halves; a number that was rounded up to 2^64 becomes the largest. */
export function splitUnsigned(value: number): void {
  if (value >= TWO_64) {
    words[LOW] = 0xffff_ffff;
    words[HIGH] = 0xffff_ffff;
    return;
  }
  words[LOW] = value;
  words[HIGH] = Math.floor(value / TWO_32);
}

/** Puts an integer in [-2^63, 2^63) into the halves; a number beyond becomes the nearest. */
export function splitSigned(value: number): void {
  if (value >= TWO_63) {
    words[LOW] = 0xffff_ffff;
    words[HIGH] = 0x7fff_ffff;
  } else if (value < -TWO_63) {
    words[LOW] = 0;
    words[HIGH] = 0x8000_0000;
  } else {
    words[LOW] = value;
    words[HIGH] = Math.floor(value / TWO_32);
  }
}
