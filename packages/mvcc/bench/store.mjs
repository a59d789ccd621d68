/**
 * What the store itself costs, over a backend in memory: run `npm run build`, then `node --expose-gc bench/store.mjs [keys]`.
 * Times are CPU time of the process, garbage collection included, the best of three runs.
 */
import { Store } from "@quorate/mvcc";
import { MapBackend } from "@quorate/mvcc/testing";
import { createPutRequest, createRangeRequest } from "@quorate/protocol";

/** Keeps no values, so that only the index takes memory. */
class ForgetfulBackend extends MapBackend {
  putRevision() {}
}

const keyCount = Number(process.argv[2] ?? 100_000);
const bytes = (text) => new TextEncoder().encode(text);
const keyOf = (i) => bytes(`/registry/pods/ns-${String((i * 7919) % keyCount).padStart(9, "0")}`);
const value = new Uint8Array(64).fill(97);
const puts = Array.from({ length: keyCount }, (_, i) => createPutRequest({ key: keyOf(i), value }));
const gets = puts.map(({ key }) => createRangeRequest({ key }));
const order = (i) => (i * 31) % keyCount;

function cpuMicros() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function measure(name, count, body, unit = "µs") {
  const started = cpuMicros();
  for (let i = 0; i < count; i++) body(i);
  const each = (cpuMicros() - started) / count;
  results.set(name, Math.min(results.get(name) ?? Number.POSITIVE_INFINITY, each));
  units.set(name, unit);
}

if (globalThis.gc !== undefined) {
  const used = () => {
    globalThis.gc();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = used();
  const store = new Store(new ForgetfulBackend());
  for (const request of puts) store.put(request);
  const keyBytes = puts[0].key.length;
  console.log(
    `index: ${((used() - before) / keyCount - keyBytes).toFixed(0)} bytes a key besides its ${keyBytes} bytes`,
  );
  console.log(`(${store.keyCount} keys)`);
}

const results = new Map();
const units = new Map();
for (let round = 0; round < 3; round++) {
  const backend = new MapBackend();
  const store = new Store(backend);
  store.onWrite = () => {};
  measure("put of a new key", keyCount, (i) => store.put(puts[i]));
  measure("put of a known key", keyCount, (i) => store.put(puts[order(i)]));
  measure("get", keyCount, (i) => store.range(gets[order(i)]));
  const all = { key: bytes("/registry/"), rangeEnd: bytes("/registry0") };
  const page = createRangeRequest({ ...all, limit: 1000 });
  measure("range of 1,000 keys", 200, () => store.range(page));
  const old = createRangeRequest({ ...all, limit: 1000, revision: keyCount + 1 });
  measure("range of 1,000 keys at an old revision", 20, () => store.range(old));
  const keysOnly = createRangeRequest({ ...all, limit: 1000, keysOnly: true });
  measure("range of 1,000 keys without values", 200, () => store.range(keysOnly));
  const count = createRangeRequest({ ...all, key: keyOf(17), countOnly: true });
  measure("count", 1000, () => store.range(count));
  store.compact(store.revision);
  let longestMs = 0;
  const started = cpuMicros();
  for (let isMore = true; isMore; ) {
    const stepStarted = performance.now();
    isMore = store.compactionStep(1000);
    longestMs = Math.max(longestMs, performance.now() - stepStarted);
    backend.runScans();
  }
  const each = (cpuMicros() - started) / keyCount;
  console.log(`compaction: ${each.toFixed(2)} µs a key, longest slice of 1,000 items ${longestMs.toFixed(2)} ms`);
}
for (const [name, each] of results) console.log(`${name}: ${each.toFixed(2)} ${units.get(name)}`);
