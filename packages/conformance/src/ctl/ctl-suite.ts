import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { freeMemberPorts, type MemberPorts, requirePeer, temporaryDirectory } from "@quorate/testkit";
import { REPOSITORY_ROOT } from "../command-line.ts";
import type { SuiteReport } from "../suite-report.ts";
import { CTL_SCENES } from "./ctl-scenes.ts";
import { type CtlScene, type CtlStep, FORMATS, type Format, lineOf } from "./ctl-step.ts";
import { FORMAT_CHANGES, type FormatChange } from "./format-changes.ts";
import { maskedOutput } from "./output-masks.ts";
import { reconcile, same } from "./reconcile.ts";
import { ResidentTool } from "./resident-tool.ts";
import { isRealEtcd, type PlayedCall, playScene } from "./scene-run.ts";
import { type KnownCommands, knownCommands, missingCells } from "./shared-commands.ts";
import type { Printed, Tool } from "./tool-process.ts";

/** Releases of etcdctl that quoratectl is compared with. */
export type EtcdctlRelease = "3.4.23" | "3.5.30";

/** What became of one command line in one format: the names of the changes that had to be allowed for, where there were any. */
export type Outcome = "same" | "differs" | readonly string[];

/** One cell of the table. */
export interface CtlCell {
  readonly scene: string;
  /** The command that the line calls, such as `lease grant`. */
  readonly command: string;
  readonly line: string;
  readonly format: Format;
  readonly outcome: Outcome;
  /** It did what it is for, or etcdctl has no such format for it: what shows a command, not only its complaints. */
  readonly shows: boolean;
}

export interface CtlReport extends SuiteReport {
  readonly etcdctl: EtcdctlRelease;
  readonly cells: readonly CtlCell[];
  readonly changes: readonly FormatChange[];
}

export interface CtlOptions {
  /** Command line of the server, the same for both tools. */
  readonly target: readonly string[];
  readonly etcdctl: EtcdctlRelease;
  /** Default: all scenes, and then every command that both tools have must be among them. */
  readonly scenes?: readonly string[];
  /** Every call of quoratectl is a process of its own, as those of etcdctl are; default: only where that shows. */
  readonly processes?: boolean;
  /** With the steps that take a minute and more. */
  readonly takesLong?: boolean;
}

/** Scenes under way at a time. */
const SCENES_AT_ONCE = 2;

/** Runs every scene with etcdctl and with quoratectl and compares what they print and how they end. */
export async function ctlSuite(options: CtlOptions): Promise<CtlReport> {
  const tools = ctlTools(options.etcdctl);
  await using quoratectl = ResidentTool.start(tools.quoratectl.env);
  const known = await knownCommands(tools.etcdctl, quoratectl);
  const run = new CtlRun(options, known);
  const waiting = CTL_SCENES.filter(({ name }) => options.scenes?.includes(name) ?? true);
  const queue = [...waiting];
  const work = async (): Promise<void> => {
    for (let scene = queue.shift(); scene !== undefined; scene = queue.shift()) await run.scene(scene);
  };
  await Promise.all(Array.from({ length: SCENES_AT_ONCE }, work));
  if (options.scenes === undefined) run.checkCompleteness();
  return run.report(waiting.map(({ name }) => name));
}

/** The tools: both are told nothing by the environment. */
export function ctlTools(release: EtcdctlRelease): { readonly etcdctl: Tool; readonly quoratectl: Tool } {
  const etcdctl = requirePeer(release === "3.4.23" ? "etcdctl-3.4" : "etcdctl-3.5");
  const quoratectl = join(REPOSITORY_ROOT, "packages", "cli", "bin", "quoratectl.js");
  return {
    etcdctl: { command: [etcdctl], env: release === "3.4.23" ? { ETCDCTL_API: "3" } : {} },
    quoratectl: { command: [process.execPath, quoratectl], env: {} },
  };
}

class CtlRun {
  readonly #options: CtlOptions;
  readonly #known: KnownCommands;
  readonly #cells: CtlCell[] = [];
  readonly #failures: string[] = [];
  readonly #changes = new Set<FormatChange>();

  constructor(options: CtlOptions, known: KnownCommands) {
    this.#options = options;
    this.#known = known;
  }

  async scene(scene: CtlScene): Promise<void> {
    try {
      using folders = temporaryDirectory("quorate-ctl-");
      const [first, second] = await freeMemberPorts(2);
      if (first === undefined || second === undefined) throw new Error("no free ports");
      const ports: readonly [MemberPorts, MemberPorts] = [first, second];
      const folder = join(folders.path, "files");
      const older = await this.#played(scene, { side: "etcdctl", ports, folder });
      const newer = await this.#played(scene, { side: "quoratectl", ports, folder });
      for (const [i, call] of older.entries()) this.#compare(scene, call, newer[i]);
    } catch (error) {
      this.#failures.push(`scene ${scene.name}: ${error instanceof Error ? (error.stack ?? "") : String(error)}`);
    }
  }

  /** Every command that both have is shown in every format, and every change that is listed was needed. */
  checkCompleteness(): void {
    const { etcdctl, target, takesLong } = this.#options;
    const long = CTL_SCENES.flatMap(({ steps }) => steps.filter((step) => step.long === true));
    const shown = [
      ...this.#cells.filter(({ shows }) => shows),
      // Those are shown by the runs that take everything.
      ...(takesLong === true ? [] : long).flatMap((step) =>
        (step.formats ?? FORMATS).map((format) => ({ command: commandOf(step, this.#known.own), format })),
      ),
    ];
    const unused = FORMAT_CHANGES.filter(
      (change) =>
        change.etcdctl.some((release) => etcdctl.startsWith(release)) &&
        !this.#changes.has(change) &&
        (takesLong === true || change.long !== true) &&
        (change.server === undefined || (change.server === "etcd") === isRealEtcd(target)),
    );
    this.#failures.push(
      ...this.#known.problems,
      ...missingCells(this.#known.shared, shown),
      ...unused.map(({ name }) => `the change '${name}' is listed and was not needed`),
    );
  }

  report(scenes: readonly string[]): CtlReport {
    const { etcdctl, target } = this.#options;
    const cells = [...this.#cells].sort((a, b) => scenes.indexOf(a.scene) - scenes.indexOf(b.scene));
    const same = cells.filter(({ outcome }) => outcome === "same").length;
    const reconciled = cells.filter(({ outcome }) => typeof outcome !== "string").length;
    const against = target.map((word) => word.replace(`${REPOSITORY_ROOT}/`, "")).join(" ");
    return {
      suite: `quoratectl beside etcdctl ${etcdctl}`,
      figure: `${cells.length} outputs against ${against}: ${same} the same (${percent(same, cells.length)}), ${reconciled} the same but for a listed change (${percent(reconciled, cells.length)}), ${cells.length - same - reconciled} different`,
      failures: this.#failures,
      etcdctl,
      cells,
      changes: FORMAT_CHANGES.filter((change) => this.#changes.has(change)),
    };
  }

  async #played(
    scene: CtlScene,
    at: {
      readonly side: "etcdctl" | "quoratectl";
      readonly ports: readonly [MemberPorts, MemberPorts];
      readonly folder: string;
    },
  ): Promise<readonly PlayedCall[]> {
    const { target, etcdctl, processes, takesLong } = this.#options;
    const tool = ctlTools(etcdctl)[at.side];
    const isResident = at.side === "quoratectl" && processes !== true;
    const resident = isResident ? ResidentTool.start(tool.env) : undefined;
    rmSync(at.folder, { recursive: true, force: true });
    mkdirSync(at.folder);
    const helper = ctlTools("3.4.23").etcdctl;
    const { ports, folder } = at;
    try {
      return await playScene(scene, {
        target,
        tool,
        resident,
        helper,
        ports,
        folder,
        snapshot: `${folder}.snapshot`,
        etcdctl,
        takesLong: takesLong === true,
      });
    } finally {
      await resident?.[Symbol.asyncDispose]();
    }
  }

  #compare(scene: CtlScene, old: PlayedCall, new_: PlayedCall | undefined): void {
    if (new_ === undefined) throw new Error("two tools make the same calls");
    const { step, format } = old;
    const [command, line] = [commandOf(step, this.#known.own), lineOf(step)];
    const at = { command, line, format, etcdctl: this.#options.etcdctl };
    const pair = { older: maskedOutput(old, command), newer: maskedOutput(new_, command) };
    const outcome = this.#outcome(pair, at);
    const shows = showsCommand(step, old.printed) && showsCommand(step, new_.printed);
    this.#cells.push({ scene: scene.name, command, line, format, outcome, shows });
  }

  #outcome(
    pair: { readonly older: Printed; readonly newer: Printed },
    at: { readonly command: string; readonly line: string; readonly format: Format; readonly etcdctl: string },
  ): Outcome {
    if (same(pair.older, pair.newer)) return "same";
    const { older, newer, used } = reconcile(pair, at);
    if (same(older, newer)) {
      for (const change of used) this.#changes.add(change);
      return used.map(({ name }) => name);
    }
    this.#failures.push(
      `${at.line} -w ${at.format}\n    etcdctl:    ${JSON.stringify(older)}\n    quoratectl: ${JSON.stringify(newer)}`,
    );
    return "differs";
  }
}

/** The command that a step calls. */
export function commandOf(step: CtlStep, names: readonly string[]): string {
  const words = step.args.join(" ").replace(/^(?:--?\w[\w-]*(?:=\S+| \S+) )+/, "");
  const found = names.filter((name) => words === name || words.startsWith(`${name} `));
  return found.sort((a, b) => b.length - a.length)[0] ?? "";
}

function showsCommand(step: CtlStep, printed: Printed): boolean {
  if (step.during !== undefined) return printed.output !== "" || step.until !== undefined;
  // Where etcdctl has the format by name alone it says so, or ends with a panic.
  return printed.code === 0 || / not supported as output format$|^panic: /m.test(printed.errors);
}

function percent(part: number, whole: number): string {
  return `${whole === 0 ? 0 : Math.floor((part / whole) * 1000) / 10} %`;
}
