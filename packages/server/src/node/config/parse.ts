import { buildConfig } from "./build-config.ts";
import { settingsProblems } from "./checks.ts";
import { parseCommandLine } from "./command-line.ts";
import { readConfigText } from "./config-file.ts";
import { type Environment, readEnvironment } from "./environment.ts";
import type { Notice } from "./notice.ts";
import type { ServerConfig } from "./server-config.ts";
import { Settings } from "./settings.ts";
import { goArch, helpText, type Platform, versionText } from "./usage.ts";
import { settingsNotices } from "./warnings.ts";

export interface ConfigInput {
  /** Arguments after the program's name. */
  readonly argv: readonly string[];
  readonly environment: Environment;
  /** The text of a file; throws when it cannot be read. */
  readonly readFile: (path: string) => string;
  readonly platform: Platform;
}

/** Either what to run on, or what to print before leaving. */
export type ConfigOutcome =
  | { readonly kind: "run"; readonly config: ServerConfig; readonly notices: readonly Notice[] }
  | { readonly kind: "stop"; readonly exitCode: 0 | 1 | 2; readonly stdout: string; readonly stderr: string };

/** Exit code of a flag that cannot be parsed, and of a configuration that cannot be run. */
const SYNTAX_ERROR = 2;
const CONFIG_ERROR = 1;

/** Architectures etcd runs on without being told. */
const SUPPORTED_ARCHITECTURES = ["amd64", "arm64", "ppc64le", "s390x"];

/**
 * Arguments, environment and configuration file in; one complete configuration out, or what to print and the exit code.
 * A configuration file replaces all flags and variables. Source: etcd's server/etcdmain/config.go.
 */
export function parseServerConfig(input: ConfigInput): ConfigOutcome {
  const settings = new Settings();
  const line = parseCommandLine(input.argv, settings);
  if (line.kind === "help") return stop(0, helpText(), "");
  if (line.kind === "stop") return stop(SYNTAX_ERROR, "", `${line.error}\nRun 'quorate --help' for all flags.\n`);
  const [stray] = line.positional;
  if (stray !== undefined) return configErrors([`${JSON.stringify(stray)} is not a valid flag`]);
  if (settings.bool("version")) return stop(0, versionText(input.platform), "");
  const architecture = goArch(input.platform.arch);
  if (!SUPPORTED_ARCHITECTURES.includes(architecture) && input.environment["ETCD_UNSUPPORTED_ARCH"] !== architecture) {
    return configErrors([
      `refusing to run on ${architecture}; set ETCD_UNSUPPORTED_ARCH=${architecture} to run all the same`,
    ]);
  }
  const path = settings.text("config-file") || (input.environment["ETCD_CONFIG_FILE"] ?? "");
  if (path !== "") return fromFile(input, path);
  const { errors, notices } = readEnvironment(input.environment, settings);
  if (errors.length > 0) return configErrors(errors);
  const ignored = line.ignored.map(
    (flag): Notice => ({ level: "warn", message: "flag is no longer supported and is ignored", fields: { flag } }),
  );
  return finish(settings, undefined, [...notices, ...ignored]);
}

function fromFile(input: ConfigInput, path: string): ConfigOutcome {
  let text: string;
  try {
    text = input.readFile(path);
  } catch (error) {
    return configErrors([`cannot read the configuration file ${path}: ${(error as Error).message}`]);
  }
  const settings = new Settings();
  const { errors, notices } = readConfigText(text, path, settings);
  if (errors.length > 0) return configErrors(errors);
  const read: Notice = {
    level: "info",
    message: "read the configuration file; other flags and environment variables are ignored",
    fields: { path },
  };
  return finish(settings, path, [read, ...notices]);
}

function finish(settings: Settings, configFile: string | undefined, notices: readonly Notice[]): ConfigOutcome {
  const problems = settingsProblems(settings, configFile !== undefined);
  if (problems.length > 0) return configErrors(problems);
  const built = buildConfig(settings, configFile);
  if ("error" in built) return configErrors([built.error]);
  return { kind: "run", config: built.value, notices: [...notices, ...settingsNotices(settings, built.value)] };
}

/** One line for each problem: whoever fixes one should not meet the next at the next start. */
function configErrors(problems: readonly string[]): ConfigOutcome {
  return stop(CONFIG_ERROR, "", problems.map((problem) => `quorate: ${problem}\n`).join(""));
}

function stop(exitCode: 0 | 1 | 2, stdout: string, stderr: string): ConfigOutcome {
  return { kind: "stop", exitCode, stdout, stderr };
}
