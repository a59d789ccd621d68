import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { flagsOf, lastOf } from "../../src/frame/command.ts";
import { findCommand } from "../../src/frame/find-command.ts";
import { parseFlags } from "../../src/frame/flag-parser.ts";
import { FlagValues } from "../../src/frame/flag-values.ts";
import { PROGRAM } from "../../src/program.ts";

const ROOT = resolve(import.meta.dirname, "../../../..");

/** Every command line of quoratectl in the shell blocks and in the backticks of a document, without the program's name. */
function commandLines(text: string): string[] {
  const joined = text.replaceAll(/\\\n\s*/g, "");
  const blocks = [...joined.matchAll(/^```sh\n(.*?)^```/gms)].flatMap((block) => (block[1] ?? "").split("\n"));
  const inline = [...joined.matchAll(/`(quoratectl [^`]+)`/g)].map((match) => match[1] ?? "");
  return [...blocks, ...inline].flatMap((line) => {
    const words = /^(?:\$ )?quoratectl (.+)$/.exec(line.trim())?.[1];
    // What a shell does with the output is none of the program's.
    return words === undefined ? [] : [(words.split(/ [|>] /)[0] ?? "").trim()];
  });
}

describe("the documents", () => {
  it("show command lines that the program takes", () => {
    const files = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md"));
    const lines = files.flatMap((name) => commandLines(readFileSync(join(ROOT, "docs", name), "utf8")));
    expect(lines.length).toBeGreaterThan(4);
    for (const line of lines) {
      const { argv, path } = findCommand(PROGRAM, line.split(/\s+/));
      const command = lastOf(path);
      expect([line, command.load === undefined]).toEqual([line, false]);
      const parsed = parseFlags(argv, new FlagValues(flagsOf(PROGRAM, path)), {
        singleDash: command.singleDash === true,
      });
      expect([line, "error" in parsed ? parsed.error : undefined]).toEqual([line, undefined]);
    }
  });
});
