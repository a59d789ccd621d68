import { EtcdNode } from "@quorate/testkit";
import { EtcdApi, type Message } from "../etcd-api.ts";

/** What `HashKV` came to at one revision, at one time. */
export interface HashAnswer {
  readonly request: string;
  readonly answer: string;
}

const LARGE = ["-1", "-9007199254740993", "9007199254740993", "9223372036854775807"];
const bytes = (text: string): Buffer => Buffer.from(text);

/**
 * Hashes of all revisions of a small history, and of some that cannot be: before the first compaction, after several, among them one at
 * a tombstone and one of everything, and after a restart, which forgets what compactions had noted.
 */
export async function hashEdges(program: readonly string[]): Promise<readonly HashAnswer[]> {
  await using node = await EtcdNode.start({ program, medium: "memory" });
  const answers: HashAnswer[] = [];
  {
    using api = new EtcdApi(node.endpoint);
    const ask = (title: string): Promise<void> => askAll(api, title, answers);
    await ask("empty");
    const newest = await writeHistory(api);
    await ask("written");
    for (const revision of [3, 6, 9, newest]) {
      await api.must("KV/Compact", { revision: String(revision), physical: true });
      await ask(`compacted at ${revision}`);
    }
    await api.must("KV/Put", { key: bytes("late"), value: bytes("v") });
    await ask("written again");
  }
  await node.terminate();
  await node.restart();
  using api = new EtcdApi(node.endpoint);
  await askAll(api, "restarted", answers);
  return answers;
}

async function writeHistory(api: EtcdApi): Promise<number> {
  const put = (key: string, value: string): Promise<Message> =>
    api.must("KV/Put", { key: bytes(key), value: bytes(value) });
  const remove = (key: string, end = ""): Promise<Message> =>
    api.must("KV/DeleteRange", { key: bytes(key), range_end: bytes(end) });
  await put("a", "1");
  await put("b", "");
  await remove("a");
  await put("c", "3");
  await api.must("KV/Txn", {
    success: [
      { request_put: { key: bytes("x"), value: bytes("1") } },
      { request_put: { key: bytes("y"), value: bytes("2") } },
      { request_delete_range: { key: bytes("b") } },
    ],
  });
  await put("a", "again");
  await remove("a", "z");
  await put("b", "4");
  await put("b", "5");
  const { header } = await put("d", "6");
  return Number((header as Message)["revision"]);
}

async function askAll(api: EtcdApi, title: string, answers: HashAnswer[]): Promise<void> {
  const { header } = await api.must("Maintenance/HashKV", {});
  const current = Number((header as Message)["revision"]);
  const revisions = [...Array.from({ length: current + 3 }, (_, revision) => String(revision)), ...LARGE];
  for (const revision of revisions) {
    const outcome = await api.call("Maintenance/HashKV", { revision });
    answers.push({
      request: `${title}: ${revision}`,
      answer: outcome.ok ? told(outcome.response) : `${outcome.code} ${outcome.message}`,
    });
  }
}

/** Without the field that 3.5 does not have. */
function told({ compact_revision: compacted, hash, header }: Message): string {
  return [`${String(hash)} above ${String(compacted)}`, `at ${String((header as Message)["revision"])}`].join(" ");
}
