import { prefixEnd } from "@quorate/base";
import type { EtcdClient, WatchEvent } from "@quorate/client";
import { type RangeResponse, type RequestOp, RequestOpDescriptor, SortOrder, SortTarget } from "@quorate/protocol";
import type { RunCommand } from "../frame/command.ts";
import { badArguments, CommandError } from "../frame/command-error.ts";
import type { CommandContext } from "../frame/context.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { printLine } from "../frame/output.ts";
import { Progress } from "../frame/progress.ts";
import { type Connection, limitsFromFlags, makeClient, withConnection } from "./connection.ts";
import { login } from "./credentials.ts";
import { bytesOf, FIRST_KEY } from "./key-range.ts";
import { tlsFromFiles } from "./tls-files.ts";

const PAGE_KEYS = 1000;
/** Puts under way at a time while the base is copied. */
const PUTS_AT_ONCE = 32;
const REPORT_MS = 30_000;
/** Read for its revision alone where there is no prefix. */
const ANY_KEY = "foo";

/** `make-mirror`: never ends but with an error. CLI page, A6. */
export const runMakeMirror: RunCommand = async (context) => {
  const [destination, ...more] = context.args;
  if (destination === undefined || more.length > 0) throw badArguments("make-mirror takes one destination argument");
  if (context.flags.bool("no-dest-prefix") && context.flags.string("dest-prefix") !== "")
    throw badArguments("`--dest-prefix` and `--no-dest-prefix` cannot be set at the same time, choose one");
  return await withConnection(context, async (source) => {
    const target = await connectTo(destination, context);
    try {
      await new Mirror(source, target).run();
    } finally {
      await target.close();
    }
    throw new CommandError(ExitCode.error, "the watch of the source has ended");
  });
};

async function connectTo(destination: string, context: CommandContext): Promise<EtcdClient> {
  const { flags } = context;
  const [user, password] = [flags.string("dest-user"), flags.string("dest-password")];
  const tls = await tlsFromFiles({
    cert: flags.string("dest-cert"),
    key: flags.string("dest-key"),
    cacert: flags.string("dest-cacert"),
    insecureTransport: flags.bool("dest-insecure-transport"),
    insecureSkipVerify: false,
    serverName: "",
  });
  return await makeClient({
    ...limitsFromFlags(context),
    ...(await login(context, { user, password, prompt: "Destination Password: " })),
    ...(tls === undefined ? {} : { tls }),
    endpoints: [destination],
  });
}

/** Copies the keys of a prefix as they are, then repeats every change, one transaction a revision. */
class Mirror {
  readonly #source: Connection;
  readonly #target: EtcdClient;
  readonly #prefix: Uint8Array;
  readonly #targetPrefix: Uint8Array;
  readonly #opsMax: number;
  readonly #progress: Progress;
  #total = 0;

  constructor(source: Connection, target: EtcdClient) {
    const { flags, stderr } = source.context;
    this.#source = source;
    this.#target = target;
    this.#prefix = bytesOf(flags.string("prefix"));
    const named = flags.string("dest-prefix");
    // With --rev, etcdctl forgets that the prefix stays what it is unless told otherwise; this does not.
    const isKept = named === "" && !flags.bool("no-dest-prefix");
    this.#targetPrefix = isKept ? this.#prefix : bytesOf(named);
    this.#opsMax = Math.max(1, flags.integer("max-txn-ops"));
    this.#progress = new Progress(stderr, (done) => `${done} changes mirrored`);
  }

  async run(): Promise<void> {
    const { context } = this.#source;
    const timer = setInterval(() => printLine(context.stdout, String(this.#total)), REPORT_MS);
    try {
      const given = Math.max(0, context.flags.integer("rev") - 1);
      const revision = given > 0 ? given : await this.#copyBase();
      await this.#follow(revision + 1);
    } finally {
      clearInterval(timer);
      this.#progress.end();
    }
  }

  /** Copies all keys as of the present revision, which is the answer. */
  async #copyBase(): Promise<number> {
    const { RPC } = await import("@quorate/client");
    const probe = this.#prefix.length === 0 ? bytesOf(ANY_KEY) : this.#prefix;
    const { header } = await this.#source.callWithoutEnd(RPC.KV.Range, { key: probe });
    const revision = header?.revision ?? 0;
    let key = this.#prefix.length === 0 ? FIRST_KEY : this.#prefix;
    for (let more = true; more; ) {
      const page = await this.#page(key, revision);
      await this.#putAll(page.kvs);
      const last = page.kvs.at(-1);
      more = page.more && last !== undefined;
      if (last !== undefined) key = Buffer.concat([last.key, FIRST_KEY]);
    }
    return revision;
  }

  async #page(key: Uint8Array, revision: number): Promise<RangeResponse> {
    const { RPC } = await import("@quorate/client");
    return await this.#source.callWithoutEnd(RPC.KV.Range, {
      key,
      rangeEnd: prefixEnd(this.#prefix),
      limit: PAGE_KEYS,
      revision,
      sortOrder: SortOrder.ASCEND,
      sortTarget: SortTarget.KEY,
    });
  }

  async #putAll(kvs: RangeResponse["kvs"]): Promise<void> {
    const { RPC } = await import("@quorate/client");
    for (let at = 0; at < kvs.length; at += PUTS_AT_ONCE) {
      const some = kvs.slice(at, at + PUTS_AT_ONCE);
      await Promise.all(
        some.map(({ key, value }) => this.#target.unary(RPC.KV.Put, { key: this.#targetKey(key), value })),
      );
      this.#count(some.length);
    }
  }

  async #follow(startRevision: number): Promise<void> {
    const start = this.#prefix.length === 0 ? FIRST_KEY : this.#prefix;
    const watcher = this.#source.client.watch({ start, end: prefixEnd(this.#prefix) }, { startRevision });
    for await (const { events } of watcher) {
      for (const changes of this.#transactions(events)) {
        await this.#commit(changes);
        this.#count(changes.length);
      }
    }
  }

  /** The changes of one revision together, in pieces that a transaction can hold. */
  *#transactions(events: readonly WatchEvent[]): Generator<readonly WatchEvent[]> {
    let piece: WatchEvent[] = [];
    for (const event of events) {
      const isNext = piece.length > 0 && piece[0]?.kv.modRevision !== event.kv.modRevision;
      if (isNext || piece.length === this.#opsMax) {
        yield piece;
        piece = [];
      }
      piece.push(event);
    }
    if (piece.length > 0) yield piece;
  }

  async #commit(events: readonly WatchEvent[]): Promise<void> {
    const { RPC } = await import("@quorate/client");
    await this.#target.unary(RPC.KV.Txn, { success: events.map((event) => this.#op(event)) });
  }

  #op({ type, kv }: WatchEvent): RequestOp {
    const key = this.#targetKey(kv.key);
    const [none, value] = [new Uint8Array(), kv.value];
    if (type === "delete")
      return RequestOpDescriptor.create({ requestDeleteRange: { key, rangeEnd: none, prevKv: false } });
    const put = { key, value, lease: 0n, prevKv: false, ignoreValue: false, ignoreLease: false };
    return RequestOpDescriptor.create({ requestPut: put });
  }

  #targetKey(key: Uint8Array): Uint8Array {
    return Buffer.concat([this.#targetPrefix, key.subarray(this.#prefix.length)]);
  }

  #count(changes: number): void {
    this.#total += changes;
    this.#progress.update(this.#total, undefined);
  }
}
