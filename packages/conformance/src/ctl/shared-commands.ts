import { FORMATS, type Format } from "./ctl-step.ts";
import type { ResidentTool } from "./resident-tool.ts";
import { type Tool, ToolProcess } from "./tool-process.ts";

/** Commands of etcdctl whose name means another thing in quoratectl, with why. */
const OTHER_COMMANDS: Readonly<Record<string, string>> = {
  migrate: "etcdctl 3.4 moves the keys of the v2 store, quoratectl the directory of a stopped etcd",
};

/** Commands that print the same lines in every format, and take too long to be run in each. */
const WITHOUT_FORMATS: ReadonlySet<string> = new Set(["check perf", "check datascale"]);

export interface KnownCommands {
  /** All commands of quoratectl, without those that only have others below them: `get`, `lease grant`. */
  readonly own: readonly string[];
  /** Those that etcdctl has too. */
  readonly shared: readonly string[];
  /** Commands and flags of etcdctl that quoratectl does not offer. */
  readonly problems: readonly string[];
}

/**
 * Asks both programs for their commands and flags: etcdctl's help lists its commands, and both complete command lines, as their
 * completion scripts for shells do.
 */
export async function knownCommands(etcdctl: Tool, quoratectl: ResidentTool): Promise<KnownCommands> {
  const own = await commandsBelow(quoratectl, []);
  const theirs = await listedCommands(etcdctl);
  const wanted = theirs.filter((name) => !(name in OTHER_COMMANDS));
  const shared = wanted.filter((name) => own.includes(name));
  const problems = wanted.filter((name) => !own.includes(name)).map((name) => `quoratectl has no command '${name}'`);
  for (const command of shared) problems.push(...(await missingFlags(etcdctl, quoratectl, command)));
  return { own, shared, problems };
}

/** A failure for each command and format that no cell of the comparison shows. */
export function missingCells(
  commands: readonly string[],
  shown: readonly { readonly command: string; readonly format: Format }[],
): readonly string[] {
  const present = new Set(shown.map(({ command, format }) => `${command} -w ${format}`));
  const formatsOf = (command: string): readonly Format[] => (WITHOUT_FORMATS.has(command) ? ["simple"] : FORMATS);
  const wanted = commands.flatMap((command) => formatsOf(command).map((format) => `${command} -w ${format}`));
  return wanted.filter((cell) => !present.has(cell)).map((cell) => `no scene shows '${cell}'`);
}

/** The commands that no other command is below, in the order of the program. */
async function commandsBelow(quoratectl: ResidentTool, path: readonly string[]): Promise<readonly string[]> {
  const below = await offered(quoratectl, [...path, ""]);
  const last = path.at(-1);
  // Words that can be repeated are arguments.
  if (last !== undefined && (below.length === 0 || below.includes(last))) return [path.join(" ")];
  const all: string[] = [];
  for (const word of below) all.push(...(await commandsBelow(quoratectl, [...path, word])));
  return all;
}

/** Rows of `COMMANDS:`, a name of one or two words before a tab. */
async function listedCommands(etcdctl: Tool): Promise<readonly string[]> {
  const { output } = await new ToolProcess(etcdctl, ["help"]).finish();
  const [, section = ""] = /\nCOMMANDS:\n([\s\S]*?)\n\n/.exec(output) ?? [];
  return section.split("\n").map((line) => line.trim().split("\t", 1)[0]?.trim() ?? "");
}

async function missingFlags(etcdctl: Tool, quoratectl: ResidentTool, command: string): Promise<readonly string[]> {
  const words = [...command.split(" "), "--"];
  const { output } = await new ToolProcess(etcdctl, ["__complete", ...words]).finish();
  const theirs = output.split("\n").flatMap((line) => (line.startsWith("--") ? [line.split("\t", 1)[0] ?? ""] : []));
  const own = await offered(quoratectl, words);
  const missing = theirs.filter((flag) => !own.includes(flag) && !NO_FLAGS.has(`${command} ${flag}`));
  return missing.map((flag) => `quoratectl ${command} has no flag ${flag}`);
}

/** Of etcdctl's completion scripts for themselves, with the command and why. */
const NO_FLAGS: ReadonlySet<string> = new Set(
  // Descriptions of candidates are a shell's to show or not.
  ["bash", "fish", "powershell", "zsh"].map((shell) => `completion ${shell} --no-descriptions`),
);

async function offered(quoratectl: ResidentTool, words: readonly string[]): Promise<readonly string[]> {
  const { output } = await quoratectl.call(["__complete", "--", ...words], undefined);
  return output.split("\n").flatMap((line) => (line === "" ? [] : [line.split("\t", 1)[0] ?? ""]));
}
