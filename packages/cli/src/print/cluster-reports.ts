import {
  type AlarmMember,
  type AlarmResponse,
  AlarmResponseDescriptor,
  AlarmType,
  type DowngradeResponse,
  DowngradeResponseDescriptor,
  type MoveLeaderResponse,
  MoveLeaderResponseDescriptor,
} from "@quorate/protocol";
import { headerFields, idText } from "./parts.ts";
import { messageReport, type Report } from "./report.ts";

export function alarmReport(response: AlarmResponse): Report {
  return messageReport(AlarmResponseDescriptor, response, {
    simple: (page) => {
      // The text form of a message: what is zero is left out.
      for (const alarm of response.alarms) {
        const parts = [alarm.memberId === 0n ? "" : `memberID:${alarm.memberId}`];
        parts.push(alarm.alarm === AlarmType.NONE ? "" : `alarm:${alarmName(alarm)}`);
        page.line(parts.filter((part) => part !== "").join(" "));
      }
    },
    fields: (page, style) => {
      headerFields(page, response.header, style);
      for (const alarm of response.alarms) {
        page.line(`"MemberID" : ${idText(alarm.memberId, style)}`);
        page.line(`"AlarmType" : ${alarmName(alarm)}`);
        page.line("");
      }
    },
  });
}

/** `NOSPACE`, or the number of an alarm that has no name. */
export function alarmName(alarm: AlarmMember): string {
  return Object.entries(AlarmType).find(([, number]) => number === alarm.alarm)?.[0] ?? String(alarm.alarm);
}

export function moveLeaderReport(leaderId: bigint, targetId: bigint, response: MoveLeaderResponse): Report {
  return messageReport(MoveLeaderResponseDescriptor, response, {
    simple: (page) => page.line(`Leadership transferred from ${leaderId.toString(16)} to ${targetId.toString(16)}`),
  });
}

export function downgradeReport(action: "validate" | "enable" | "cancel", response: DowngradeResponse): Report {
  return messageReport(DowngradeResponseDescriptor, response, {
    simple: (page) => page.line(`Downgrade ${action} success, cluster version ${response.version}`),
  });
}
