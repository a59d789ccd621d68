import { type Command, type CommandPath, commandLineOf, lastOf, listedFlagsOf, type Program } from "./command.ts";
import type { FlagSpec } from "./flag-spec.ts";

const GROUPS = [
  "Key-value commands",
  "Cluster maintenance commands",
  "Concurrency commands",
  "Authentication commands",
  "Utility commands",
  "Offline commands",
] as const;

/** The whole help of a command. */
export function helpText(program: Program, path: CommandPath): string {
  const command = lastOf(path);
  const about = (command.description ?? command.summary).trim();
  const global = `Use "${program.name} options" for a list of global command-line options (applies to all commands).`;
  return `${about}\n\n${usageText(program, path)}\n${global}\n`;
}

/** The part of the help that is also printed where a command line is wrong: how to call it, commands below, flags. */
export function usageText(program: Program, path: CommandPath): string {
  const command = lastOf(path);
  const line = commandLineOf(program, path);
  const sections = [`Usage:\n${usageLines(command, line).join("\n")}`];
  if (command.aliases !== undefined) sections.push(`Aliases:\n  ${[command.name, ...command.aliases].join(", ")}`);
  if (command.examples !== undefined)
    sections.push(`Examples:\n${command.examples.map((example) => `  ${program.name} ${example}`).join("\n")}`);
  sections.push(...commandSections(command));
  const flags = listedFlagsOf(path);
  if (flags.length > 0) sections.push(`Flags:\n${flagLines(flags).join("\n")}`);
  if (command.commands !== undefined)
    sections.push(`Use "${line} [command] --help" for more information about a command.`);
  return `${sections.join("\n\n")}\n`;
}

/** One line a flag: letter, name, what it takes, what it does and its default. */
export function flagLines(flags: readonly FlagSpec[]): readonly string[] {
  const rows = [...flags]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((flag) => ({ left: flagName(flag), right: `${flag.usage}${defaultText(flag)}` }));
  return columns(rows, 2);
}

function usageLines(command: Command, line: string): readonly string[] {
  const lines = command.load === undefined ? [] : [`  ${[line, command.usage].filter(Boolean).join(" ")}`];
  return command.commands === undefined ? lines : [...lines, `  ${line} [command]`];
}

function commandSections(command: Command): readonly string[] {
  const shown = (command.commands ?? []).filter((child) => child.hidden !== true);
  if (shown.length === 0) return [];
  const width = Math.max(...shown.map((child) => child.name.length));
  const lines = (children: readonly Command[]): string =>
    columns(
      children.map((child) => ({ left: child.name.padEnd(width), right: child.summary })),
      2,
    ).join("\n");
  const ungrouped = shown.filter((child) => child.group === undefined);
  const grouped = GROUPS.map((group) => ({ group, children: shown.filter((child) => child.group === group) }));
  return [
    ...grouped
      .filter(({ children }) => children.length > 0)
      .map(({ group, children }) => `${group}:\n${lines(children)}`),
    ...(ungrouped.length > 0 ? [`Available commands:\n${lines(ungrouped)}`] : []),
  ];
}

function flagName(flag: FlagSpec): string {
  const letter = flag.shorthand === undefined ? "    " : `-${flag.shorthand}, `;
  return `${letter}--${flag.name}${flag.kind === "bool" ? "" : ` ${flag.kind === "int64" ? "int" : flag.kind}`}`;
}

function defaultText(flag: FlagSpec): string {
  if (flag.default === undefined || flag.default === "" || flag.default === "false") return "";
  const shown =
    flag.kind === "string"
      ? JSON.stringify(flag.default)
      : flag.kind === "strings"
        ? `[${flag.default}]`
        : flag.default;
  return ` (default ${shown})`;
}

function columns(
  rows: readonly { readonly left: string; readonly right: string }[],
  indent: number,
): readonly string[] {
  const width = Math.max(0, ...rows.map(({ left }) => left.length));
  return rows.map(({ left, right }) => `${" ".repeat(indent)}${left.padEnd(width)}   ${right}`.trimEnd());
}
