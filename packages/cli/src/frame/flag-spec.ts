/** What a flag takes; named as in help texts. `strings` is a comma list that further uses add to. */
export type FlagKind = "bool" | "string" | "strings" | "int" | "int64" | "uint" | "duration";

/** One row of a command's flag table. */
export interface FlagSpec {
  readonly name: string;
  /** One letter. */
  readonly shorthand?: string;
  readonly kind: FlagKind;
  /** The default as it would be typed; left out: `false`, `""`, `0`, `0s` or the empty list. */
  readonly default?: string;
  /** One line of help. */
  readonly usage: string;
  /** Values that completion offers; the command itself checks what it was given. */
  readonly choices?: readonly string[];
}

/** What a flag holds: integers as bigint, durations in nanoseconds as bigint. */
export type FlagValue = boolean | string | readonly string[] | bigint;
