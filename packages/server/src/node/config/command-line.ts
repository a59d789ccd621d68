import { FLAGS, IGNORED_FLAGS } from "./flag-table.ts";
import { nearestName } from "./nearest-name.ts";
import { flagNamed, parseFlagText, type Settings } from "./settings.ts";

/** `help` and `stop` end the program; `stop` with what to print. */
export type CommandLine =
  | { readonly kind: "parsed"; readonly positional: readonly string[]; readonly ignored: readonly string[] }
  | { readonly kind: "help" }
  | { readonly kind: "stop"; readonly error: string };

/** Reads `argv` into `settings` as Go's flag package does: `-x`, `--x`, `--x=v`, `--x v`; booleans take a value by `=` alone. */
export function parseCommandLine(argv: readonly string[], settings: Settings): CommandLine {
  const ignored: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] ?? "";
    if (argument === "--") return { kind: "parsed", positional: argv.slice(i + 1), ignored };
    if (argument.length < 2 || !argument.startsWith("-")) return { kind: "parsed", positional: argv.slice(i), ignored };
    const body = argument.slice(argument.startsWith("--") ? 2 : 1);
    if (body === "" || body.startsWith("-") || body.startsWith("=")) {
      return { kind: "stop", error: `bad flag syntax: ${argument}` };
    }
    const split = body.indexOf("=");
    const name = split < 0 ? body : body.slice(0, split);
    let text = split < 0 ? undefined : body.slice(split + 1);
    const flag = flagNamed(name);
    if (flag === undefined && !IGNORED_FLAGS.has(name)) {
      return name === "help" || name === "h" ? { kind: "help" } : { kind: "stop", error: unknownFlag(name) };
    }
    // Ignored flags are booleans to Go's parser: they take no argument of their own but by `=`.
    if (flag === undefined) {
      ignored.push(name);
      continue;
    }
    if (text === undefined) {
      if (flag.kind === "bool") text = "true";
      else if (++i < argv.length) text = argv[i] ?? "";
      else return { kind: "stop", error: `flag needs an argument: -${name}` };
    }
    const parsed = parseFlagText(flag, text);
    if ("error" in parsed) {
      const what = flag.kind === "bool" ? `invalid boolean value ${quote(text)} for -${name}` : undefined;
      return { kind: "stop", error: `${what ?? `invalid value ${quote(text)} for flag -${name}`}: ${parsed.error}` };
    }
    settings.set(flag, parsed.value);
  }
  return { kind: "parsed", positional: [], ignored };
}

/** Gates that replaced flags, by the flag's name without `experimental-`. */
const GATES_FOR_FLAGS: Readonly<Record<string, string>> = {
  "initial-corrupt-check": "InitialCorruptCheck",
  "compact-hash-check-enabled": "CompactHashCheck",
  "enable-lease-checkpoint": "LeaseCheckpoint",
  "enable-lease-checkpoint-persist": "LeaseCheckpointPersist",
  "txn-mode-write-with-shared-buffer": "TxnModeWriteWithSharedBuffer",
  "stop-grpc-service-on-defrag": "StopGRPCServiceOnDefrag",
  "set-member-localaddr": "SetMemberLocalAddr",
};

function unknownFlag(name: string): string {
  const text = `flag provided but not defined: -${name}`;
  const former = name.startsWith("experimental-") ? name.slice("experimental-".length) : undefined;
  if (former !== undefined && GATES_FOR_FLAGS[former] !== undefined) {
    return `${text}\netcd 3.7 removed it; use --feature-gates=${GATES_FOR_FLAGS[former]}=true`;
  }
  if (former !== undefined && flagNamed(former) !== undefined) return `${text}\netcd 3.7 removed it; use --${former}`;
  const nearest = nearestName(
    name,
    FLAGS.map((flag) => flag.name),
  );
  return nearest === undefined ? text : `${text}\ndid you mean --${nearest}?`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}
