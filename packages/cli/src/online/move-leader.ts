import type { RunCommand } from "../frame/command.ts";
import { badArguments } from "../frame/command-error.ts";
import { parseGoUint } from "../go/go-integer.ts";
import { moveLeaderReport } from "../print/cluster-reports.ts";
import { withConnection } from "./connection.ts";

/** `move-leader`: only the leader can do it, so it has to be among the endpoints. CLI page, A3.3. */
export const runMoveLeader: RunCommand = async (context) => {
  const [text, ...more] = context.args;
  if (text === undefined || more.length > 0) throw badArguments("move-leader command needs 1 argument");
  const target = parseGoUint(text, 16);
  if ("error" in target) throw badArguments(target.error);
  const targetId = target.value;
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    const { endpoints } = connection;
    for (const endpoint of endpoints) {
      const { header, leader } = await connection.call(RPC.Maintenance.Status, {}, { endpoint });
      if (header?.memberId !== leader) continue;
      const response = await connection.call(RPC.Maintenance.MoveLeader, { targetId }, { endpoint });
      connection.print(moveLeaderReport(leader, targetId, response));
      return;
    }
    throw badArguments(`no leader endpoint given at [${endpoints.join(" ")}]`);
  });
};
