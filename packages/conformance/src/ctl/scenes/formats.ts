import type { CtlStep } from "../ctl-step.ts";

type Formats = Pick<CtlStep, "formats">;

/** Where the format makes no difference, as to most errors. */
export const SIMPLE: Formats = { formats: ["simple"] };

/** The formats of lists and the like alone, where a table is refused before anything is done. */
export const LISTED: Formats = { formats: ["simple", "json", "fields"] };
