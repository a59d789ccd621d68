import type { Logger } from "@quorate/base";
import { encodeAlarmRequest } from "@quorate/protocol";
import { ALARM_NAMES, type Alarm, type Alarms, hexId, RequestKind } from "../core/index.ts";

const ACTION_ACTIVATE = 1;

export interface AlarmRaiserDeps {
  readonly alarms: Alarms;
  readonly logger: Logger;
  /** Proposes a request; `done` is called once it was applied or given up. False when refused at once. */
  readonly propose: (kind: number, request: Uint8Array, done: () => void) => boolean;
}

/** Asks for alarms through the log, each once at a time: who finds a reason finds it again and again. */
export class AlarmRaiser {
  readonly #deps: AlarmRaiserDeps;
  #asked: readonly Alarm[] = [];

  constructor(deps: AlarmRaiserDeps) {
    this.#deps = deps;
  }

  /** Does nothing where the alarm is active or asked for already. */
  raise(alarm: Alarm): void {
    const { alarms, logger, propose } = this.#deps;
    const { memberId, type } = alarm;
    if (alarms.has(alarm) || this.#asked.some((each) => each.memberId === memberId && each.type === type)) return;
    const request = encodeAlarmRequest({ action: ACTION_ACTIVATE, memberId, alarm: type });
    this.#asked = [...this.#asked, alarm];
    const forget = (): void => {
      this.#asked = this.#asked.filter((each) => each !== alarm);
    };
    if (!propose(RequestKind.Alarm, request, forget)) forget();
    else logger.warn("alarm raised", { alarm: ALARM_NAMES[type] ?? type, "member-id": hexId(memberId) });
  }
}
