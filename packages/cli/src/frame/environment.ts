import { goQuote } from "../go/go-quote.ts";
import { CommandError } from "./command-error.ts";
import type { CommandContext } from "./context.ts";
import { ExitCode } from "./exit-code.ts";

/** `ETCDCTL_` and the flag's name in capitals. */
export function environmentName(prefix: string, flag: string): string {
  return `${prefix}_${flag.toUpperCase().replaceAll("-", "_")}`;
}

/**
 * Sets the flags that a command inherits from the environment, by etcdctl's rules (CLI page, A1.2): an empty variable counts as none, a
 * flag and its variable together are an error, unknown variables of the prefix are warned about in one line each.
 * `known` are further names, in capitals, that the command reads itself.
 */
export function applyEnvironment(context: CommandContext, prefix: string, known: readonly string[] = []): void {
  const names = new Map(context.inheritedFlags.map((flag) => [environmentName(prefix, flag), flag]));
  for (const [variable, value] of Object.entries(context.env)) {
    if (!variable.startsWith(`${prefix}_`) || value === undefined || known.includes(variable)) continue;
    const spec = context.flags.spec(names.get(variable) ?? "");
    if (spec === undefined) {
      context.stderr.write(`warning: unrecognized environment variable ${variable}\n`);
    } else if (context.flags.changed(spec.name)) {
      throw new CommandError(ExitCode.error, `${CONFLICT}: ${variable}`);
    } else if (value !== "") {
      const wrong = context.flags.set(spec, value);
      // etcdctl drops this error and goes on with the default; a value that is not taken is better said.
      if (wrong !== undefined)
        throw new CommandError(ExitCode.error, `invalid value ${goQuote(value)} for ${variable}: ${wrong}`);
    }
  }
}

const CONFLICT =
  "conflicting environment variable is shadowed by corresponding command-line flag (either unset environment variable or disable flag)";
