import { prefixEnd } from "@quorate/base";
import { type KeyValue, type RangeResponse, RangeResponseDescriptor, SortOrder, SortTarget } from "@quorate/protocol";
import type { RunCommand } from "../frame/command.ts";
import { badArguments, CommandError } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { rangeReport } from "../print/key-value-reports.ts";
import { type Connection, withConnection } from "./connection.ts";
import { isCallError } from "./failure.ts";
import { Interruption } from "./interruption.ts";
import { bytesOf } from "./key-range.ts";

/** `elect`. CLI page, A4. */
export const runElect: RunCommand = async (context) => {
  const [name, proposal, ...more] = context.args;
  if (name === undefined || more.length > 0)
    throw badArguments("elect takes one election name argument and an optional proposal argument");
  const isListening = context.flags.bool("listen");
  if (proposal === undefined && !isListening) throw badArguments("no proposal argument but -l not set");
  if (proposal !== undefined && isListening) throw badArguments("proposal given but -l is set");
  return await withConnection(context, async (connection) => {
    using interruption = new Interruption(context);
    if (proposal === undefined) await observe(connection, name, interruption);
    else await campaign(connection, { name, proposal, interruption });
  });
};

interface Candidacy {
  readonly name: string;
  readonly proposal: string;
  readonly interruption: Interruption;
}

/** Leads until it is interrupted, and resigns then. */
async function campaign(connection: Connection, { name, proposal, interruption }: Candidacy): Promise<void> {
  const { signal } = interruption;
  const session = await interruption.orEnd(connection.client.session({ signal }));
  try {
    const election = connection.client.election(session, name);
    await interruption.guard(election.campaign(proposal, { signal }));
    const { RPC } = await import("@quorate/client");
    const own = connection.callWithoutEnd(RPC.KV.Range, { key: election.key }, { signal });
    connection.print(rangeReport(await interruption.guard(own)));
    await Promise.race([interruption.happened, session.ended]);
    if (!signal.aborted) throw new CommandError(ExitCode.error, "elect: session expired");
    await election.resign();
  } finally {
    await session.close().catch(() => {});
  }
}

/** Prints each leader and each value that a leader proclaims. */
export async function observe(connection: Connection, name: string, interruption: Interruption): Promise<void> {
  const { signal } = interruption;
  // etcdctl opens a session first, and listens to signals from then on.
  let present = await interruption.orEnd(presentLeader(connection, name, signal));
  try {
    while (!signal.aborted) {
      const leader = present.kvs.length > 0 ? present : await nextLeader(connection, name, present.header, signal);
      if (leader === undefined) break;
      connection.print(rangeReport(leader));
      await untilGone(connection, leader, signal);
      present = await presentLeader(connection, name, signal);
    }
  } catch (error) {
    if (signal.aborted) return;
    throw isCallError(error) ? new CommandError(ExitCode.error, "elect: observer lost", { cause: error }) : error;
  }
}

/** The candidate that came first, without a key if there is none. */
async function presentLeader(connection: Connection, name: string, signal: AbortSignal): Promise<RangeResponse> {
  const { RPC } = await import("@quorate/client");
  const key = bytesOf(`${name}/`);
  const request = {
    key,
    rangeEnd: prefixEnd(key),
    limit: 1,
    sortOrder: SortOrder.ASCEND,
    sortTarget: SortTarget.CREATE,
  };
  const { header, kvs } = await connection.callWithoutEnd(RPC.KV.Range, request, { signal });
  return RangeResponseDescriptor.create({ header, kvs });
}

/** The first candidate after the revision of `present`, at which there was none. */
async function nextLeader(
  connection: Connection,
  name: string,
  present: RangeResponse["header"],
  signal: AbortSignal,
): Promise<RangeResponse | undefined> {
  const start = bytesOf(`${name}/`);
  // A watch "from now on" would miss who campaigned before it was made.
  const options = { startRevision: (present?.revision ?? 0) + 1, signal };
  for await (const { header, events } of connection.client.watch({ start, end: prefixEnd(start) }, options)) {
    const put = events.find(({ type }) => type === "put");
    if (put !== undefined) return leaderResponse({ ...header, revision: put.kv.modRevision }, put.kv);
  }
  return undefined;
}

/** Prints what the leader proclaims until its key is deleted. */
async function untilGone(connection: Connection, leader: RangeResponse, signal: AbortSignal): Promise<void> {
  const [kv] = leader.kvs;
  if (kv === undefined) return;
  const startRevision = (leader.header?.revision ?? 0) + 1;
  for await (const { header, events } of connection.client.watch(kv.key, { startRevision, signal })) {
    for (const event of events) {
      if (event.type === "delete") return;
      connection.print(rangeReport(leaderResponse(header, event.kv)));
    }
  }
}

/** As Go's client makes it up: a header and the one key, not counted. */
function leaderResponse(header: RangeResponse["header"], kv: KeyValue): RangeResponse {
  return RangeResponseDescriptor.create({ header, kvs: [kv] });
}
