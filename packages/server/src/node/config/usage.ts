import { ETCD_VERSION, QUORATE_VERSION } from "../../core/version.ts";
import type { Flag, FlagGroup } from "./flag.ts";
import { FLAGS } from "./flag-table.ts";

/** What the program runs on, as Node names it. */
export interface Platform {
  readonly nodeVersion: string;
  readonly os: string;
  readonly arch: string;
}

/** etcd's four lines, so that scripts that read them find theirs, and Quorate's own. */
export function versionText(platform: Platform): string {
  return [
    `etcd Version: ${ETCD_VERSION}`,
    "Git SHA: none",
    `Go Version: none (Node.js ${platform.nodeVersion})`,
    `Go OS/Arch: ${goOs(platform.os)}/${goArch(platform.arch)}`,
    `Quorate Version: ${QUORATE_VERSION}`,
    "",
  ].join("\n");
}

const INTRODUCTION: readonly string[] = [
  "Usage: quorate [flags]",
  "",
  "Serves the etcd v3 API. Every flag can be set by an environment variable, --data-dir by ETCD_DATA_DIR, or everything by",
  "a YAML file, --config-file. Durations are written 300ms, 5s, 1m30s.",
];

const MARKS: Readonly<Record<Flag["support"], string>> = {
  works: "",
  noMeaning: " [ignored]",
  notYet: " [no effect yet]",
  refused: " [not supported yet]",
};

/** Longer defaults are not printed: they are no help on one line. */
const DEFAULT_CHARS_MAX = 40;

/** All flags in their groups, two columns. */
export function helpText(): string {
  const groups = new Map<FlagGroup, Flag[]>();
  for (const flag of FLAGS) groups.set(flag.group, [...(groups.get(flag.group) ?? []), flag]);
  const lines = [...INTRODUCTION];
  for (const [group, flags] of groups) {
    lines.push("", `${group}:`);
    for (const flag of flags) {
      const left = `  --${flag.name}${placeholder(flag)}`;
      const told = flag.default !== "" && flag.default !== "false" && flag.default.length <= DEFAULT_CHARS_MAX;
      const shown = told ? ` (default ${flag.default})` : "";
      const text = `${flag.help}${shown}${MARKS[flag.support]}`;
      if (left.length < 44) lines.push(`${left.padEnd(44)}${text}`);
      else lines.push(left, `${" ".repeat(44)}${text}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

function placeholder(flag: Flag): string {
  const names: Readonly<Record<Flag["kind"], string>> = {
    bool: "",
    int: " <n>",
    uint: " <n>",
    duration: " <duration>",
    string: " <text>",
    list: " <a,b>",
    set: " <a,b>",
    urls: " <urls>",
    choice: ` <${(flag.choices ?? []).join("|")}>`,
    gates: " <A=true,B=false>",
  };
  return flag.default === "true" && flag.kind === "bool" ? "=<true|false>" : names[flag.kind];
}

/** Go's name of an architecture. */
export function goArch(arch: string): string {
  const names: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", ppc64: "ppc64le" };
  return names[arch] ?? arch;
}

function goOs(os: string): string {
  return os === "win32" ? "windows" : os;
}
