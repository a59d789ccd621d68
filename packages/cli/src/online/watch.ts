import type { WatchBatch, Watcher } from "@quorate/client";
import { type Event, EventType } from "@quorate/protocol";
import type { RunCommand } from "../frame/command.ts";
import { badArguments, CommandError, messageOf } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { parseFlags } from "../frame/flag-parser.ts";
import { FlagValues } from "../frame/flag-values.ts";
import { printLine } from "../frame/output.ts";
import { type ByteText, bytesOfByteText, readable } from "../go/byte-text.ts";
import { goQuote } from "../go/go-quote.ts";
import { goUnquote } from "../go/go-unquote.ts";
import { eventTypeName, type WatchNews, watchReport } from "../print/key-value-reports.ts";
import { runChild } from "./child-command.ts";
import { LineReader, splitArguments } from "./command-line-input.ts";
import { type Connection, withConnection } from "./connection.ts";
import { failureText, isCallError, unreachableDetail } from "./failure.ts";
import { WATCH_FLAGS } from "./key-value-commands.ts";
import { type WatchPlan, type WatchVariables, watchPlan, watchVariables } from "./watch-arguments.ts";

/** `watch`. CLI page, A2.6. */
export const runWatch: RunCommand = async (context) => {
  const variables = watchVariables(context.env);
  if (context.flags.bool("interactive"))
    return await withConnection(context, (connection) => new InteractiveWatch(connection, variables).run());
  const words = { args: context.args, beforeDash: context.argsBeforeDash };
  const plan = watchPlan(words, context.flags, variables);
  return await withConnection(context, async (connection) => {
    await tell(connection, plan);
    throw new CommandError(ExitCode.interrupted, "watch is canceled by the server");
  });
};

/** Tells what a watch brings until the server ends it, which is told as well. Waits for a server that is not there yet. */
async function tell(connection: Connection, plan: WatchPlan, onBegin?: (watcher: Watcher) => void): Promise<void> {
  for (let warned = false; ; warned = true) {
    const watcher = begin(connection, plan);
    onBegin?.(watcher);
    try {
      for await (const batch of watcher) await tellBatch(connection, plan, batch);
      return;
    } catch (error) {
      if (!isCallError(error) || error.code === "authFailed") throw error;
      if (error.code === "closed") return;
      if (error.code !== "unreachable" || watcher.nextRevision > plan.startRevision) {
        await tellEnd(connection, watcher, error);
        return;
      }
      const { stderr } = connection.context;
      if (!warned) printLine(stderr, `warning: ${unreachableDetail(error) ?? ""}; trying again`);
    }
  }
}

function begin(connection: Connection, plan: WatchPlan): Watcher {
  const { key, rangeEnd } = plan.range;
  return connection.client.watch(rangeEnd.length === 0 ? key : { start: key, end: rangeEnd }, {
    startRevision: plan.startRevision,
    prevKv: plan.prevKv,
    progressNotify: connection.context.flags.bool("progress-notify"),
  });
}

async function tellBatch(connection: Connection, plan: WatchPlan, batch: WatchBatch): Promise<void> {
  const { stdout } = connection.context;
  if (batch.isProgress) printLine(stdout, `progress notify: ${batch.header.revision}`);
  const events = batch.events.map(({ type, kv, prevKv }) => ({
    type: type === "put" ? EventType.PUT : EventType.DELETE,
    kv,
    prevKv,
  }));
  const news: WatchNews = { header: batch.header, events, compactRevision: 0, canceled: false, cancelReason: "" };
  connection.print(watchReport(news));
  if (plan.command.length > 0)
    for (const event of events) await runForEvent(connection, plan.command, event, batch.header.revision);
  await stdout.drained();
}

async function runForEvent(
  connection: Connection,
  command: readonly string[],
  event: Event,
  revision: number,
): Promise<void> {
  const { error } = await runChild(connection.context, command, {
    ETCD_WATCH_REVISION: String(revision),
    ETCD_WATCH_EVENT_TYPE: goQuote(eventTypeName(event)),
    ETCD_WATCH_KEY: goQuote(event.kv?.key ?? ""),
    ETCD_WATCH_VALUE: goQuote(event.kv?.value ?? ""),
  });
  if (error === undefined) return;
  const shown = `[${command.map((word) => goQuote(word)).join(" ")}]`;
  throw new CommandError(ExitCode.error, `command ${shown} error (${error})`);
}

/** The server has cancelled the watch: why, and in the other formats the last that it said. */
async function tellEnd(connection: Connection, watcher: Watcher, error: unknown): Promise<void> {
  printLine(connection.context.stderr, `watch was canceled (${failureText(error)})`);
  const created = await watcher.created.catch(() => undefined);
  // The answer that cancels a watch tells no revision.
  const header = created === undefined ? undefined : { ...created, revision: 0 };
  const compactRevision = isCallError(error) ? (error.compactRevision ?? 0) : 0;
  const cancelReason = compactRevision > 0 ? "" : messageOf(error);
  connection.print(watchReport({ header, events: [], compactRevision, canceled: true, cancelReason }));
}

/** `watch -i`: a watch a line, all at once. */
class InteractiveWatch {
  readonly #connection: Connection;
  readonly #variables: WatchVariables;
  readonly #watchers = new Set<Watcher>();
  #fail: (error: unknown) => void = () => {};

  constructor(connection: Connection, variables: WatchVariables) {
    this.#connection = connection;
    this.#variables = variables;
  }

  /** Reads lines until the input ends, which is an error to etcdctl, or a command that runs for an event fails. */
  run(): Promise<number> {
    return new Promise((_resolve, reject) => {
      this.#fail = reject;
      this.#readLines().catch(reject);
    });
  }

  async #readLines(): Promise<void> {
    const reader = new LineReader(this.#connection.context.stdin);
    for (;;) {
      const line = await reader.next();
      if (line === undefined) throw new CommandError(ExitCode.invalidInput, "error reading watch request line: EOF");
      this.#carryOut(line);
    }
  }

  #carryOut(line: ByteText): void {
    const { stderr } = this.#connection.context;
    const words = splitArguments(line, (text) => goUnquote(text)?.value ?? text);
    const [name, ...argv] = words;
    if (name === undefined) printLine(stderr, `Invalid command: ${readable(line)} (watch and progress supported)`);
    else if (name === "progress") for (const watcher of this.#watchers) watcher.requestProgress();
    else if (name !== "watch") printLine(stderr, `Invalid command ${readable(line)} (only support watch)`);
    else if (argv.length === 0 && this.#variables.key === "")
      printLine(stderr, `Invalid command ${readable(line)} (command type or key is not provided)`);
    else this.#begin(argv);
  }

  #begin(argv: readonly ByteText[]): void {
    const flags = new FlagValues(WATCH_FLAGS);
    const parsed = parseFlags(argv, flags);
    if ("error" in parsed) throw badArguments(parsed.error);
    const words = { args: parsed.positional, beforeDash: parsed.beforeDash };
    const { command, ...what } = watchPlan(words, flags, this.#variables, bytesOfByteText);
    const plan = { ...what, command: command.map(readable) };
    let current: Watcher | undefined;
    const note = (watcher: Watcher): void => {
      if (current !== undefined) this.#watchers.delete(current);
      current = watcher;
      this.#watchers.add(watcher);
    };
    tell(this.#connection, plan, note)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        if (current !== undefined) this.#watchers.delete(current);
      });
  }
}
