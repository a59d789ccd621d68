/** The commands in the documents, run as a reader would. */
import { describe, expect, it } from "@jest/globals";
import { commandBlocks, isAsShown } from "../src/documents/document.ts";
import { runDocument } from "../src/documents/document-run.ts";
import { peerSuite } from "./peer-suite.ts";

/** Blocks of commands that cannot be run, by document: the reasons that stand in the text. */
const DOCUMENTS: ReadonlyArray<readonly [path: string, run: number, notRun: readonly string[]]> = [
  ["docs/getting-started.md", 7, ["it builds the checkout that is under test"]],
  ["docs/security.md", 7, []],
  ["docs/disaster-recovery.md", 6, []],
  ["docs/operations.md", 2, ["it needs the directory of a stopped etcd", "it goes on until it is interrupted"]],
];

peerSuite("documents", ["etcdctl-3.5"], (target) => {
  it.each(DOCUMENTS)(
    "%s: %i blocks do what they say",
    async (path, run, notRun) => {
      expect(await runDocument(path, target)).toEqual({ run, notRun, failures: [] });
    },
    120_000,
  );
});

describe("blocks of commands", () => {
  it("are found with their lines, outputs and reasons", () => {
    const text =
      "# A\n```sh\necho 1\n```\n\n```output\n1\n```\n```yaml\na: 1\n```\n```sh not-run: it is long\nsleep 9\n```\n";

    expect(commandBlocks(text)).toEqual([
      { line: 2, script: "echo 1\n", expected: "1\n", notRun: undefined },
      { line: 12, script: "sleep 9\n", expected: undefined, notRun: "it is long" },
    ]);
  });

  it.each([
    ["output of nothing", "```output\n1\n```\n"],
    ["a block without an end", "```sh\necho\n"],
    ["blocks of commands are", "```bash\necho\n```\n"],
    ["what must fail needs an output", "```sh\n! true\n```\n"],
    ["blocks of commands are", "```sh not-run\necho\n```\n"],
  ])("are refused: %s", (message, text) => {
    expect(() => commandBlocks(text)).toThrow(message);
  });

  it.each([
    ["a.b\n", "a.b\n", true],
    ["axb\n", "a.b\n", false],
    ["id 12, n1\nid 3, n2\n", "id …, n1\nid …, n2\n", true],
    ["id 12, n1\nextra\n", "id …, n1\n", false],
    ["", "1\n", false],
  ])("%j as %j: %p", (printed, expected, same) => {
    expect(isAsShown(printed, expected)).toBe(same);
  });
});
