import { base64, type GatewayScript } from "../step.ts";

const KEY = base64("k/a");

/** `KV`: every method, with every kind of field, and its errors. */
export const keys: GatewayScript = async ({ ask }) => {
  await ask("put", "/v3/kv/put", { key: KEY, value: base64("1") });
  await ask("put with prev_kv", "/v3/kv/put", { key: KEY, value: base64("2"), prev_kv: true });
  await ask("put in camelCase", "/v3/kv/put", { key: KEY, prevKv: true, ignoreValue: true });
  for (let i = 0; i < 5; i++)
    await ask(`put ${i}`, "/v3/kv/put", { key: base64(`k/${i}`), value: base64(`v${5 - i}`) });
  await ask("put nothing", "/v3/kv/put", { key: base64("k/empty") });
  await ask("put with an unknown lease", "/v3/kv/put", { key: KEY, lease: "12345" });
  await ask("put without a key", "/v3/kv/put", { value: KEY });
  await ask("put a value that is to be kept", "/v3/kv/put", { key: KEY, value: KEY, ignore_value: true });
  await ranges(ask);
  await ask("delete", "/v3/kv/deleterange", { key: base64("k/0"), prev_kv: true });
  await ask("delete a prefix", "/v3/kv/deleterange", { key: base64("k/"), range_end: base64("k0"), prevKv: true });
  await ask("delete nothing", "/v3/kv/deleterange", { key: base64("k/") });
  await ask("compact", "/v3/kv/compaction", { revision: "5" });
  await ask("compact again", "/v3/kv/compaction", { revision: 5, physical: true });
  await ask("compact the future", "/v3/kv/compaction", { revision: "1000000" });
  await ask("range before the compaction", "/v3/kv/range", { key: KEY, revision: "2" });
};

async function ranges(ask: Parameters<GatewayScript>[0]["ask"]): Promise<void> {
  const all = { key: base64("k/"), range_end: base64("k0") };
  await ask("range", "/v3/kv/range", { key: KEY });
  await ask("range of nothing", "/v3/kv/range", { key: base64("none") });
  await ask("range of all", "/v3/kv/range", all);
  await ask("range of some", "/v3/kv/range", { ...all, limit: "2" });
  await ask("range sorted", "/v3/kv/range", { ...all, sort_order: "DESCEND", sort_target: "VALUE" });
  await ask("range sorted by number", "/v3/kv/range", { ...all, sortOrder: 1, sortTarget: 4, limit: 3 });
  await ask("count", "/v3/kv/range", { ...all, count_only: true });
  await ask("keys", "/v3/kv/range", { ...all, keys_only: true });
  await ask("serializable", "/v3/kv/range", { ...all, serializable: true, limit: 1 });
  await ask("range by revisions", "/v3/kv/range", { ...all, min_mod_revision: "4", max_create_revision: "6" });
  await ask("range of before", "/v3/kv/range", { key: KEY, revision: "3" });
  await ask("range of the future", "/v3/kv/range", { key: KEY, revision: "9223372036854775807" });
  await ask("range without a key", "/v3/kv/range", {});
}

/** `KV/Txn`: comparisons of every kind, nested, with every answer. */
export const transactions: GatewayScript = async ({ ask }) => {
  const key = base64("t/a");
  const read = { request_range: { key } };
  await ask("create", "/v3/kv/txn", {
    compare: [{ key, target: "CREATE", result: "EQUAL", create_revision: "0" }],
    success: [{ request_put: { key, value: base64("1") } }],
    failure: [read],
  });
  await ask("create again", "/v3/kv/txn", {
    compare: [{ key, target: 1, createRevision: 0 }],
    success: [{ requestPut: { key, value: base64("2") } }],
    failure: [read],
  });
  await ask("compare all", "/v3/kv/txn", {
    compare: [
      { key, target: "VERSION", result: "GREATER", version: "0" },
      { key, target: "VALUE", result: "NOT_EQUAL", value: base64("9") },
      { key, target: "MOD", result: "LESS", mod_revision: "1000" },
      { key, target: "LEASE", lease: "0" },
      { key, range_end: base64("t/b"), target: "VERSION", version: 1 },
    ],
    success: [
      { request_put: { key: base64("t/b"), value: base64("x"), prev_kv: true } },
      { request_delete_range: { key, prev_kv: true } },
      { request_txn: { success: [{ request_range: { key: base64("t/"), range_end: base64("t0") } }] } },
    ],
  });
  await ask("nothing", "/v3/kv/txn", {});
  await ask("an empty operation", "/v3/kv/txn", { success: [{}] });
  await ask("a key twice", "/v3/kv/txn", { success: [{ request_put: { key } }, { request_put: { key } }] });
  await ask("too many operations", "/v3/kv/txn", { success: Array.from({ length: 129 }, () => read) });
  await ask("a key that is missing", "/v3/kv/txn", { compare: [{ target: "MOD" }] });
};
