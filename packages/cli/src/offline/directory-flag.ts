import type { FlagValues } from "../frame/flag-values.ts";

/** A path without slashes at its end, of which names beside it are made. */
export function withoutSlash(path: string): string {
  return path.length > 1 ? path.replace(/(?<=.)\/+$/, "") : path;
}

/** The directory that a flag names; undefined for an empty one. */
export function directoryFlag(flags: FlagValues, name: string): string | undefined {
  const text = flags.string(name);
  return text === "" ? undefined : withoutSlash(text);
}
