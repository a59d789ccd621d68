import { environmentName } from "./flag.ts";
import { FLAGS, IGNORED_FLAGS } from "./flag-table.ts";
import type { Notice } from "./notice.ts";
import { parseFlagText, type Settings } from "./settings.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface EnvironmentResult {
  readonly errors: readonly string[];
  readonly notices: readonly Notice[];
}

/** Not flags, but read or refused elsewhere. */
const SPECIAL = new Set(["ETCD_VERSION", "ETCD_UNSUPPORTED_ARCH", "ETCD_CONFIG_FILE"]);

/** Reads `ETCD_*` for every flag not on the command line into `settings`. Variables with an empty value count as not set. */
export function readEnvironment(environment: Environment, settings: Settings): EnvironmentResult {
  const errors: string[] = [];
  const notices: Notice[] = [];
  const known = new Set([...IGNORED_FLAGS].map(environmentName));
  for (const flag of FLAGS) {
    const variable = environmentName(flag.name);
    known.add(variable);
    const text = environment[variable] ?? "";
    if (text === "" || SPECIAL.has(variable)) continue;
    if (settings.isSet(flag.name)) {
      errors.push(
        "conflicting environment variable is shadowed by corresponding command-line flag " +
          `(either unset environment variable or disable flag)): ${variable}`,
      );
      continue;
    }
    const parsed = parseFlagText(flag, text);
    if ("error" in parsed) {
      errors.push(`invalid value ${JSON.stringify(text)} for ${variable}: ${parsed.error}`);
      continue;
    }
    settings.set(flag, parsed.value);
    notices.push(notice("info", "took a flag from the environment", { variable }));
  }
  if ((environment["ETCD_VERSION"] ?? "") !== "") {
    notices.push(notice("warn", "ignored a special environment variable", { variable: "ETCD_VERSION" }));
  }
  for (const variable of Object.keys(environment).sort()) {
    if (!variable.startsWith("ETCD_") || known.has(variable) || SPECIAL.has(variable)) continue;
    // Its value is not logged: it may be a secret of somebody else's.
    notices.push(notice("warn", "unrecognized environment variable", { variable }));
  }
  return { errors, notices };
}

function notice(level: Notice["level"], message: string, fields: Notice["fields"]): Notice {
  return { level, message, fields };
}
