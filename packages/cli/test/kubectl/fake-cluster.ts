import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TemporaryDirectory, temporaryDirectory } from "@quorate/testkit";
import { KUBECTL_PROGRAM } from "../../src/kubectl/program.ts";
import { type CapturedRun, capturedRun } from "../captured-run.ts";

/** What the fake kubectl knows: objects by `resource/name`, and ports of this machine by Pod. */
export interface FakeCluster {
  readonly objects: Readonly<Record<string, object>>;
  readonly ports?: Readonly<Record<string, number>>;
}

/** The plugin with a fake kubectl in a folder of its own. */
export class FakeKubectl implements Disposable {
  readonly #directory: TemporaryDirectory = temporaryDirectory("quorate-plugin-", "memory");

  constructor(cluster: FakeCluster) {
    writeFileSync(this.#file, JSON.stringify({ ports: {}, ...cluster }));
  }

  async run(...argv: readonly string[]): Promise<CapturedRun> {
    const program = join(import.meta.dirname, "fake-kubectl.cjs");
    const env = {
      ...withoutUndefined(process.env),
      KUBECTL: `${process.execPath} ${program}`,
      FAKE_KUBECTL: this.#file,
    };
    return await capturedRun(argv, { program: KUBECTL_PROGRAM, env });
  }

  /** Arguments of every call of kubectl. */
  get calls(): readonly (readonly string[])[] {
    const file = `${this.#file}.calls`;
    if (!existsSync(file)) return [];
    return readFileSync(file, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as readonly string[]);
  }

  get #file(): string {
    return join(this.#directory.path, "cluster.json");
  }

  [Symbol.dispose](): void {
    this.#directory.remove();
  }
}

export function withoutUndefined(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
