import { AlarmAction, AlarmType } from "@quorate/protocol";
import type { RunCommand } from "../frame/command.ts";
import { badArguments } from "../frame/command-error.ts";
import { alarmReport } from "../print/cluster-reports.ts";
import { withConnection } from "./connection.ts";

/** `alarm list`. CLI page, A3.3. */
export const runAlarmList: RunCommand = async (context) => {
  if (context.args.length > 0) throw badArguments("alarm list command accepts no arguments");
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    connection.print(alarmReport(await connection.call(RPC.Maintenance.Alarm, { action: AlarmAction.GET })));
  });
};

/** `alarm disarm`: lists the alarms and takes back one after the other, as etcd's client does. */
export const runAlarmDisarm: RunCommand = async (context) => {
  if (context.args.length > 0) throw badArguments("alarm disarm command accepts no arguments");
  return await withConnection(context, async (connection) => {
    const { RPC } = await import("@quorate/client");
    const listed = await connection.call(RPC.Maintenance.Alarm, { action: AlarmAction.GET });
    const disarmed = [];
    for (const { memberId, alarm } of listed.alarms) {
      if (alarm === AlarmType.NONE) continue;
      const request = { action: AlarmAction.DEACTIVATE, memberId, alarm };
      disarmed.push(...(await connection.call(RPC.Maintenance.Alarm, request)).alarms);
    }
    connection.print(alarmReport({ header: undefined, alarms: disarmed }));
  });
};
