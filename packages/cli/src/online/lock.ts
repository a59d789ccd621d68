import type { Session } from "@quorate/client";
import type { RunCommand } from "../frame/command.ts";
import { badArguments, CommandError } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { rangeReport } from "../print/key-value-reports.ts";
import { runChild } from "./child-command.ts";
import { type Connection, withConnection } from "./connection.ts";
import { Interruption } from "./interruption.ts";

/** `lock`. CLI page, A4. */
export const runLock: RunCommand = async (context) => {
  const [name, ...command] = context.args;
  if (name === undefined) throw badArguments("lock takes a lock name argument and an optional command to execute");
  return await withConnection(context, async (connection) => {
    const ttlSeconds = context.flags.integer("ttl");
    using interruption = new Interruption(context);
    const options = { signal: interruption.signal, ...(ttlSeconds > 0 ? { ttlSeconds } : {}) };
    const session = await interruption.orEnd(connection.client.session(options));
    try {
      return await holdLock(connection, session, { name, command, interruption });
    } finally {
      await session.close().catch(() => {});
    }
  });
};

interface Wanted {
  readonly name: string;
  /** Empty: the lock is held until it is interrupted. */
  readonly command: readonly string[];
  readonly interruption: Interruption;
}

async function holdLock(connection: Connection, session: Session, wanted: Wanted): Promise<number> {
  const { interruption } = wanted;
  const { signal } = interruption;
  const lock = connection.client.lock(session, wanted.name);
  await interruption.guard(lock.acquire({ signal }));
  const { RPC } = await import("@quorate/client");
  const held = await interruption.guard(connection.callWithoutEnd(RPC.KV.Range, { key: lock.key }, { signal }));
  if (wanted.command.length > 0) {
    const revision = held.header?.revision ?? 0;
    const variables = { ETCD_LOCK_KEY: Buffer.from(lock.key).toString(), ETCD_LOCK_REV: String(revision) };
    const end = await runChild(connection.context, wanted.command, variables);
    await lock.release();
    if (end.error !== undefined) throw new CommandError(end.code, end.error);
    return ExitCode.success;
  }
  if (held.kvs.length === 0) throw new CommandError(ExitCode.error, "lock lost on init");
  connection.print(rangeReport(held));
  await Promise.race([interruption.happened, session.ended]);
  if (!signal.aborted) throw new CommandError(ExitCode.error, "session expired");
  await lock.release();
  return ExitCode.success;
}
