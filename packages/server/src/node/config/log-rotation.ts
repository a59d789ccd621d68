import type { Parsed } from "./go-values.ts";

/** When a log file is put aside for a new one, and which old ones are kept. Zero stands for no limit. */
export interface LogRotation {
  /** Most mebibytes of one file. */
  readonly maxSizeMiB: number;
  /** Days of 24 hours after which an old file is removed. */
  readonly maxAgeDays: number;
  /** Most old files. */
  readonly maxBackups: number;
  /** True: old files are named for local time, not UTC. */
  readonly localTime: boolean;
  /** True: old files are compressed with gzip. */
  readonly compress: boolean;
}

/** What stands for a size of 0, as in etcd. */
const DEFAULT_SIZE_MIB = 100;

/** Reads the value of `--log-rotation-config-json`; the errors begin with etcd's words. Unknown keys are left alone, as by Go. */
export function parseLogRotation(json: string): Parsed<LogRotation> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return { error: `improperly formatted log rotation config: ${JSON.stringify(json)} is no JSON` };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { error: `invalid log rotation config: ${JSON.stringify(value)} is no JSON object` };
  }
  const fields = new Map(Object.entries(value).map(([key, field]) => [key.toLowerCase(), field as unknown]));
  for (const [key, field] of fields) {
    const kind = KINDS.get(key);
    if (kind !== undefined && field !== null && !kind.accepts(field)) {
      return { error: `invalid log rotation config: ${key} must be ${kind.name}, not ${JSON.stringify(field)}` };
    }
  }
  const number = (key: string): number => Math.max(0, (fields.get(key) as number | null | undefined) ?? 0);
  const flag = (key: string): boolean => fields.get(key) === true;
  return {
    value: {
      maxSizeMiB: number("maxsize") || DEFAULT_SIZE_MIB,
      maxAgeDays: number("maxage"),
      maxBackups: number("maxbackups"),
      localTime: flag("localtime"),
      compress: flag("compress"),
    },
  };
}

interface Kind {
  readonly name: string;
  accepts(value: unknown): boolean;
}

const INTEGER: Kind = { name: "an integer", accepts: (value) => Number.isSafeInteger(value) };
const BOOLEAN: Kind = { name: "true or false", accepts: (value) => typeof value === "boolean" };
const KINDS: ReadonlyMap<string, Kind> = new Map([
  ["maxsize", INTEGER],
  ["maxage", INTEGER],
  ["maxbackups", INTEGER],
  ["localtime", BOOLEAN],
  ["compress", BOOLEAN],
]);
