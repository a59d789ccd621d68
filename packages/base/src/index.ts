export { assert, InvariantError, must, unreachable } from "./assert.ts";
export { ByteSlab } from "./byte-slab.ts";
export {
  bytesFromLatin1,
  compareBytes,
  concatBytes,
  copyBytes,
  EMPTY_BYTES,
  equalBytes,
  latin1FromBytes,
  writeLatin1,
} from "./bytes.ts";
export type { Clock } from "./clock.ts";
export { crc32c } from "./crc32c.ts";
export type { FileStat, FileSystem, OpenFile, OpenMode } from "./file-system.ts";
export { prefixEnd } from "./key-prefix.ts";
export type { LogFields, Logger } from "./logger.ts";
export { NO_LOGGER } from "./logger.ts";
export { losslessBytes, losslessText } from "./lossless-text.ts";
export type { Counter, Gauge, Histogram, Metrics } from "./metrics.ts";
export { exponentialBuckets, NO_METRICS } from "./metrics.ts";
export type { Prng } from "./prng.ts";
export { SeededPrng } from "./prng.ts";
export { utf8Bytes, utf8Text, utf8TextStrict } from "./utf8.ts";
