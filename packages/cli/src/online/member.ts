import { parseUrls } from "@quorate/protocol";
import type { RunCommand } from "../frame/command.ts";
import { badArguments, CommandError } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";
import type { FlagValues } from "../frame/flag-values.ts";
import { parseGoUint } from "../go/go-integer.ts";
import {
  memberAddReport,
  memberListReport,
  memberPromoteReport,
  memberRemoveReport,
  memberUpdateReport,
} from "../print/member-reports.ts";
import { withConnection } from "./connection.ts";
import { isSerializable } from "./range-request.ts";

/** `member add`. CLI page, A3.1. */
export const runMemberAdd: RunCommand = async (context) => {
  const [name, ...more] = context.args;
  if (name === undefined) throw badArguments("member name not provided");
  if (more.length > 0) {
    const meant = context.args.filter((arg) => /^http/i.test(arg)).map((arg) => `, did you mean --peer-urls=${arg}`);
    throw badArguments(`too many arguments${meant.join("")}`);
  }
  const peerUrls = peerUrlsOf(context.flags);
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    refuseWrong(peerUrls);
    const isLearner = context.flags.bool("learner");
    const response = await connection.call(RPC.Cluster.MemberAdd, { peerUrls: peerUrls.split(","), isLearner });
    connection.print(memberAddReport(name, peerUrls, response));
  });
};

/** `member remove`. */
export const runMemberRemove: RunCommand = async (context) => {
  const id = memberIdOf(context.args);
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    connection.print(memberRemoveReport(id, await connection.call(RPC.Cluster.MemberRemove, { id })));
  });
};

/** `member update`. */
export const runMemberUpdate: RunCommand = async (context) => {
  const id = memberIdOf(context.args);
  const peerUrls = peerUrlsOf(context.flags);
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    refuseWrong(peerUrls);
    const request = { id, peerUrls: peerUrls.split(",") };
    connection.print(memberUpdateReport(id, await connection.call(RPC.Cluster.MemberUpdate, request)));
  });
};

/** `member promote`. */
export const runMemberPromote: RunCommand = async (context) => {
  const id = memberIdOf(context.args);
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    connection.print(memberPromoteReport(id, await connection.call(RPC.Cluster.MemberPromote, { id })));
  });
};

/** Go's client says itself what is wrong with a URL, and says it better than the server. */
function refuseWrong(peerUrls: string): void {
  const parsed = parseUrls(peerUrls);
  if ("error" in parsed) throw new CommandError(ExitCode.error, parsed.error);
}

/** `member list`. */
export const runMemberList: RunCommand = async (context) => {
  const linearizable = !isSerializable(context.flags.string("consistency"));
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    connection.print(memberListReport(await connection.call(RPC.Cluster.MemberList, { linearizable })));
  });
};

function memberIdOf(args: readonly string[]): bigint {
  const [text, ...more] = args;
  if (text === undefined || more.length > 0) throw badArguments("member ID is not provided");
  const id = parseGoUint(text, 16);
  if ("error" in id) throw badArguments(`bad member ID arg (${id.error}), expecting ID in Hex`);
  return id.value;
}

function peerUrlsOf(flags: FlagValues): string {
  const urls = flags.string("peer-urls");
  if (urls === "") throw badArguments("member peer urls not provided");
  return urls;
}
