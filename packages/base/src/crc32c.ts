/**
 * CRC-32C (Castagnoli, reflected polynomial 0x82F63B78, initial and final inversion), as etcd's log, snapshot files and
 * HashKV use it. PERF: eight tables, eight bytes a step; about 1 ns a byte.
 */
const TABLES: readonly Int32Array[] = buildTables();
const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES as unknown as readonly [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

function buildTables(): Int32Array[] {
  const first = new Int32Array(256);
  for (let i = 0; i < 256; i++) {
    let c = i;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
    first[i] = c;
  }
  const tables = [first];
  for (let t = 1; t < 8; t++) {
    const previous = tables[t - 1] as Int32Array;
    const table = new Int32Array(256);
    for (let i = 0; i < 256; i++) {
      const c = previous[i] as number;
      table[i] = (first[c & 0xff] as number) ^ (c >>> 8);
    }
    tables.push(table);
  }
  return tables;
}

/** The checksum (uint32) of what `crc` covers followed by `bytes[start, end)`. Start with 0. */
export function crc32c(crc: number, bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  let c = ~crc;
  let i = start;
  for (const bulk = end - 7; i < bulk; i += 8) {
    const lo =
      c ^
      ((bytes[i] as number) |
        ((bytes[i + 1] as number) << 8) |
        ((bytes[i + 2] as number) << 16) |
        ((bytes[i + 3] as number) << 24));
    c =
      (T7[lo & 0xff] as number) ^
      (T6[(lo >>> 8) & 0xff] as number) ^
      (T5[(lo >>> 16) & 0xff] as number) ^
      (T4[lo >>> 24] as number) ^
      (T3[bytes[i + 4] as number] as number) ^
      (T2[bytes[i + 5] as number] as number) ^
      (T1[bytes[i + 6] as number] as number) ^
      (T0[bytes[i + 7] as number] as number);
  }
  for (; i < end; i++) c = (T0[(c ^ (bytes[i] as number)) & 0xff] as number) ^ (c >>> 8);
  return ~c >>> 0;
}
