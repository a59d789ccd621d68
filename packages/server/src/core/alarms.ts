import type { Backend } from "@quorate/mvcc";

/** `etcdserverpb.AlarmType`. */
export const ALARM_NONE = 0;
export const ALARM_NOSPACE = 1;
export const ALARM_CORRUPT = 2;

/** Their names, by type. */
export const ALARM_NAMES: Readonly<Record<number, string>> = { [ALARM_NOSPACE]: "NOSPACE", [ALARM_CORRUPT]: "CORRUPT" };

/** A condition raised by one member that holds for the whole cluster until somebody disarms it. */
export interface Alarm {
  readonly memberId: bigint;
  readonly type: number;
}

/** How an alarm is written as a key of the alarm bucket (an encoded `AlarmMember`) and read back. */
export interface AlarmCodec {
  encode(alarm: Alarm): Uint8Array;
  decode(bytes: Uint8Array): Alarm;
}

const NO_VALUE: Uint8Array = new Uint8Array(0);

/** The active alarms, kept in the alarm bucket and changed only by applied entries. gRPC API page, section 9.3. */
export class Alarms {
  readonly #backend: Backend;
  readonly #codec: AlarmCodec;
  #active: Alarm[] = [];

  constructor(backend: Backend, codec: AlarmCodec) {
    this.#backend = backend;
    this.#codec = codec;
    this.reload();
  }

  reload(): void {
    this.#active = this.#backend.list("alarm").map((record) => this.#codec.decode(record.key));
  }

  /** Active alarms of `type`, or all of them for {@link ALARM_NONE}, ordered by member and type. */
  list(type: number): Alarm[] {
    return this.#active
      .filter((alarm) => type === ALARM_NONE || alarm.type === type)
      .sort((a, b) => (a.memberId === b.memberId ? a.type - b.type : a.memberId < b.memberId ? -1 : 1));
  }

  isActive(type: number): boolean {
    return this.#active.some((alarm) => alarm.type === type);
  }

  /** Raises an alarm; one that is active already stays as it is. NONE is ignored. Returns what is active of it. */
  activate(alarm: Alarm): Alarm[] {
    if (alarm.type === ALARM_NONE) return [];
    if (!this.has(alarm)) {
      this.#active.push(alarm);
      this.#backend.put("alarm", this.#codec.encode(alarm), NO_VALUE);
    }
    return [alarm];
  }

  /** Removes exactly this (member, type) pair; returns it if it was active. */
  deactivate(alarm: Alarm): Alarm[] {
    if (!this.has(alarm)) return [];
    this.#active = this.#active.filter((a) => a.memberId !== alarm.memberId || a.type !== alarm.type);
    this.#backend.delete("alarm", this.#codec.encode(alarm));
    return [alarm];
  }

  /** Whether exactly this (member, type) pair is active. */
  has(alarm: Alarm): boolean {
    return this.#active.some((a) => a.memberId === alarm.memberId && a.type === alarm.type);
  }
}
