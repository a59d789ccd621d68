import type { EndpointUrl } from "./server-config.ts";

/** How a flag's text becomes a value. The names follow Go's flag kinds, whose rules hold: see go-values.ts. */
export type FlagKind =
  | "bool"
  | "int"
  | "uint"
  | "duration"
  | "string"
  /** Comma-separated, as given. */
  | "list"
  /** Comma-separated, sorted, without repeats. */
  | "set"
  /** Comma-separated URLs, sorted, without repeats. */
  | "urls"
  /** One of `choices`. */
  | "choice"
  /** `A=true,B=false` over the feature gates; kept as text. */
  | "gates";

/** What a flag means to this version. */
export type Support =
  /** It does what it does in etcd. */
  | "works"
  /** Accepted with a warning: it will never mean anything here. */
  | "noMeaning"
  /** Accepted with a warning: it has no effect yet, and nothing unsafe follows from that. */
  | "notYet"
  /** Refused unless it has its default value: running without what it promises would be unsafe or wrong. */
  | "refused";

export type FlagGroup =
  | "Member"
  | "Clustering"
  | "Security"
  | "Auth"
  | "Logging"
  | "Observability"
  | "Runtime"
  | "Program";

/** One flag. The table of all of them drives the command line, the environment, the configuration file and `--help`. */
export interface Flag {
  readonly name: string;
  readonly group: FlagGroup;
  readonly kind: FlagKind;
  /** As it would be written on the command line; durations in milliseconds after parsing. */
  readonly default: string;
  readonly help: string;
  readonly choices?: readonly string[];
  /** Largest value of a number. */
  readonly max?: number;
  readonly support: Support;
  /** Completes the warning or refusal: why, or what instead. */
  readonly note?: string;
  /** Where the value stands in the configuration file: the flag's name unless said otherwise; undefined: nowhere. */
  readonly fileKey: string | undefined;
}

/** A parsed value; durations are milliseconds. */
export type FlagValue = boolean | number | string | readonly string[] | readonly EndpointUrl[];

type Extra = Partial<Pick<Flag, "choices" | "max" | "support" | "note">> & { readonly fileKey?: string | undefined };

/** Makes the flags of one group. */
export function flagsOf(
  group: FlagGroup,
): (name: string, kind: FlagKind, fallback: string, help: string, extra?: Extra) => Flag {
  return (name, kind, fallback, help, extra = {}) => ({
    name,
    group,
    kind,
    default: fallback,
    help,
    support: "works",
    fileKey: name,
    ...extra,
  });
}

/** The environment variable of a flag. */
export function environmentName(flag: string): string {
  return `ETCD_${flag.toUpperCase().replaceAll("-", "_")}`;
}
