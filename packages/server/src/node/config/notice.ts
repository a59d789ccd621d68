import type { LogFields } from "@quorate/base";

/** Something worth a log line once there is a log. */
export interface Notice {
  readonly level: "info" | "warn";
  readonly message: string;
  readonly fields: LogFields;
}
