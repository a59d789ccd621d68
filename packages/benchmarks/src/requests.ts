import {
  CompareTarget,
  createCompare,
  createPutRequest,
  createRangeRequest,
  createRequestOp,
  createTxnRequest,
  createWatchCreateRequest,
  createWatchRequest,
  encodePutRequest,
  encodeRangeRequest,
  encodeTxnRequest,
  encodeWatchRequest,
} from "@quorate/protocol";

const text = new TextEncoder();

/** A 32-byte key: a prefix of 20 bytes and a number. */
export function key(n: number, prefix = "bench/"): Uint8Array {
  return text.encode(`${prefix.padEnd(20, "-")}${String(n).padStart(12, "0")}`);
}

/** The prefix part of {@link key}, and the end of the range of all its keys. */
export function prefixRange(prefix: string): { readonly key: Uint8Array; readonly rangeEnd: Uint8Array } {
  const start = text.encode(prefix.padEnd(20, "-"));
  const end = start.slice();
  end[end.length - 1] = (end[end.length - 1] as number) + 1;
  return { key: start, rangeEnd: end };
}

export function value(bytes: number): Uint8Array {
  return new Uint8Array(bytes).fill(0x76);
}

export function put(keyBytes: Uint8Array, valueBytes: Uint8Array): Uint8Array {
  return encodePutRequest(createPutRequest({ key: keyBytes, value: valueBytes }));
}

export function get(keyBytes: Uint8Array, serializable: boolean): Uint8Array {
  return encodeRangeRequest(createRangeRequest({ key: keyBytes, serializable }));
}

export function getPrefix(prefix: string): Uint8Array {
  return encodeRangeRequest(createRangeRequest(prefixRange(prefix)));
}

/** What a Kubernetes API server sends to update an object: put if it is still at `modRevision`, else read it. */
export function update(keyBytes: Uint8Array, valueBytes: Uint8Array, modRevision: number): Uint8Array {
  return encodeTxnRequest(
    createTxnRequest({
      compare: [createCompare({ target: CompareTarget.MOD, key: keyBytes, modRevision })],
      success: [createRequestOp({ requestPut: createPutRequest({ key: keyBytes, value: valueBytes }) })],
      failure: [createRequestOp({ requestRange: createRangeRequest({ key: keyBytes }) })],
    }),
  );
}

export function watchPrefix(prefix: string): Uint8Array {
  return encodeWatchRequest(
    createWatchRequest({ createRequest: createWatchCreateRequest({ ...prefixRange(prefix), prevKv: false }) }),
  );
}
