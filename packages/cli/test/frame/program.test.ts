import { describe, expect, it } from "@jest/globals";
import type { Command, Program } from "../../src/frame/command.ts";
import { CommandError } from "../../src/frame/command-error.ts";
import { candidates } from "../../src/frame/completion.ts";
import { applyEnvironment } from "../../src/frame/environment.ts";
import { mergeCommands } from "../../src/frame/merge-commands.ts";
import { PROGRAM } from "../../src/program.ts";
import { capturedRun } from "../captured-run.ts";

const echo = (name: string, more: Partial<Command> = {}): Command => ({
  name,
  summary: `Prints what ${name} was given`,
  load: async () => async (context) => {
    if (context.args[0] === "fail") throw new CommandError(5, "failed as told");
    if (context.args[0] === "bug") throw new Error("a bug");
    if (context.args[0] === "env") applyEnvironment(context, "TEST");
    const set = context.flags.specs.filter((spec) => context.flags.changed(spec.name)).map((spec) => spec.name);
    context.stdout.write(`${name}(${context.args.join()}) ${set.join()} ${context.argsBeforeDash ?? "-"}\n`);
    return 0;
  },
  ...more,
});

const TEST_PROGRAM: Program = {
  name: "prog",
  globalFlags: [
    {
      name: "write-out",
      shorthand: "w",
      kind: "string",
      default: "simple",
      usage: "output format",
      choices: ["json", "simple"],
    },
    { name: "debug", kind: "bool", usage: "say more" },
  ],
  root: {
    name: "prog",
    summary: "A program.",
    commands: [
      echo("get", {
        group: "Key-value commands",
        usage: "<key>",
        flags: [{ name: "prefix", kind: "bool", usage: "all keys that begin so" }],
      }),
      echo("compaction", { group: "Key-value commands" }),
      echo("completion", { group: "Utility commands", argumentChoices: ["bash", "zsh"] }),
      {
        name: "member",
        summary: "Members",
        group: "Cluster maintenance commands",
        persistentFlags: [{ name: "cluster", kind: "bool", usage: "ask all members" }],
        commands: [echo("list"), echo("add", { aliases: ["create"] })],
      },
    ],
  },
};

const run = (line: string, env: Record<string, string> = {}): ReturnType<typeof capturedRun> =>
  capturedRun(line === "" ? [] : line.split(" "), { program: TEST_PROGRAM, env });

describe("a program", () => {
  it.each([
    ["get a b", "get(a,b)  -"],
    ["-w json get a", "get(a) write-out -"],
    ["get a -w json --prefix", "get(a) prefix,write-out -"],
    ["--debug get get", "get(get) debug -"],
    ["ge a", "get(a)  -"],
    ["compac 3", "compaction(3)  -"],
    ["mem l", "list()  -"],
    ["member create x --cluster", "add(x) cluster -"],
    ["member --cluster add x", "add(x) cluster -"],
    ["get a -- --prefix", "get(a,--prefix)  1"],
  ])("runs '%s'", async (line, expected) => {
    expect(await run(line)).toEqual({ code: 0, stdout: `${expected}\n`, stderr: "" });
  });

  it("prints errors and exits with their code", async () => {
    expect(await run("get fail")).toEqual({ code: 5, stdout: "", stderr: "Error: failed as told\n" });
    expect(await run("get bug")).toEqual({ code: 1, stdout: "", stderr: "Error: a bug\n" });
  });

  it("names the nearest command or flag for one that it does not know", async () => {
    const command = await run("gte a");
    expect(command).toEqual({
      code: 1,
      stdout: "",
      stderr:
        'Error: unknown command "gte" for "prog"\n\nDid you mean this?\n\tget\n\nRun \'prog --help\' for usage.\n',
    });
    const below = await run("member lst");
    expect([below.code, below.stderr]).toEqual([
      1,
      'Error: unknown command "lst" for "prog member"\n\nDid you mean this?\n\tlist\n\nRun \'prog member --help\' for usage.\n',
    ]);
    const flag = await run("get a --prefx");
    expect(flag.code).toBe(1);
    expect(flag.stderr).toMatch(
      /^Error: unknown flag: --prefx\n\nDid you mean this\?\n\t--prefix\n\nUsage:\n {2}prog get <key>\n/,
    );
    expect((await run("comp")).stderr).toMatch(/^Error: unknown command "comp" for "prog"\n/);
  });

  it("prints help by groups, of a level and of a command", async () => {
    const top = await run("");
    expect(top.code).toBe(0);
    expect(top.stdout).toBe(`A program.

Usage:
  prog [command]

Key-value commands:
  get          Prints what get was given
  compaction   Prints what compaction was given

Cluster maintenance commands:
  member       Members

Utility commands:
  completion   Prints what completion was given

Use "prog [command] --help" for more information about a command.

Use "prog options" for a list of global command-line options (applies to all commands).
`);
    expect((await run("get --help")).stdout).toContain("Flags:\n      --prefix   all keys that begin so\n");
    expect((await run("member list -h")).stdout).toContain("      --cluster   ask all members\n");
    expect((await run("member")).stdout).toContain("Available commands:\n  list   ");
  });

  it("lets the environment set inherited flags and refuses a flag and its variable together", async () => {
    expect(
      await run("member list env", { TEST_CLUSTER: "true", TEST_WRITE_OUT: "json", TEST_DEBUG: "" }),
    ).toMatchObject({
      code: 0,
      stdout: "list(env) cluster,write-out -\n",
      stderr: "",
    });
    expect(await run("get env", { TEST_PREFIX: "true", OTHER_X: "1" })).toMatchObject({
      code: 0,
      stdout: "get(env)  -\n",
      stderr: "warning: unrecognized environment variable TEST_PREFIX\n",
    });
    const conflict = await run("get env -w json", { TEST_WRITE_OUT: "table" });
    expect(conflict.code).toBe(1);
    expect(conflict.stderr).toContain(
      "conflicting environment variable is shadowed by corresponding command-line flag",
    );
    expect((await run("get env", { TEST_DEBUG: "perhaps" })).stderr).toBe(
      'Error: invalid value "perhaps" for TEST_DEBUG: strconv.ParseBool: parsing "perhaps": invalid syntax\n',
    );
  });

  it("merges tables: one name, flags and commands of both, and the code that the flags ask for", async () => {
    const added = echo("get", { flags: [{ name: "data-dir", kind: "string", usage: "" }] });
    const commands = mergeCommands(TEST_PROGRAM.root.commands ?? [], [
      { ...added, load: async () => async () => 7, takesOver: (flags) => flags.changed("data-dir") },
      { name: "member", summary: "", commands: [echo("forget")] },
      echo("dump"),
    ]);
    const program = { ...TEST_PROGRAM, root: { ...TEST_PROGRAM.root, commands } };
    const runMerged = (line: string): ReturnType<typeof capturedRun> => capturedRun(line.split(" "), { program });
    expect((await runMerged("get a --data-dir x")).code).toBe(7);
    expect((await runMerged("get a --prefix")).stdout).toBe("get(a) prefix -\n");
    expect((await runMerged("member forget x")).stdout).toBe("forget(x)  -\n");
    expect((await runMerged("member list x")).stdout).toBe("list(x)  -\n");
    expect((await runMerged("dump x")).stdout).toBe("dump(x)  -\n");
  });

  it("offers candidates for the last word", () => {
    const words = (...line: string[]): readonly string[] =>
      candidates(TEST_PROGRAM, line).map((one) => one.split("\t")[0] ?? "");
    expect(words("")).toEqual(["get", "compaction", "completion", "member"]);
    expect(words("com")).toEqual(["compaction", "completion"]);
    expect(words("member", "")).toEqual(["list", "add"]);
    expect(words("get", "--")).toEqual(["--prefix", "--write-out", "--debug", "--help"]);
    expect(words("get", "-w", "")).toEqual(["json", "simple"]);
    expect(words("get", "--write-out=j")).toEqual(["--write-out=json"]);
    expect(words("completion", "b")).toEqual(["bash"]);
    expect(words("-w", "json", "member", "l")).toEqual(["list"]);
  });
});

describe("quoratectl", () => {
  it("prints its version", async () => {
    const { code, stdout } = await capturedRun(["version"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^quoratectl version: \d+\.\d+\.\d+\nAPI version: 3\.7\n$/);
  });

  it("lists the flags of all commands", async () => {
    const { stdout } = await capturedRun(["options"]);
    expect(stdout).toMatch(/^The following options can be passed to any command:\n\n/);
    for (const flag of PROGRAM.globalFlags) expect(stdout).toContain(`--${flag.name}`);
  });

  it.each(["bash", "zsh", "fish", "powershell"])("prints a completion script for %s", async (shell) => {
    const { code, stdout } = await capturedRun(["completion", shell]);
    expect(code).toBe(0);
    expect(stdout).toContain("quoratectl __complete --");
  });

  it("completes by the hidden command", async () => {
    const { stdout } = await capturedRun(["__complete", "--", "vers"]);
    expect(stdout).toBe("version\tShows the version of quoratectl\n");
  });

  it("has a summary, a loader or commands, and unique names and flags everywhere", () => {
    const check = (command: Command): void => {
      expect(command.summary).not.toBe("");
      expect(command.load !== undefined || (command.commands ?? []).length > 0).toBe(true);
      const names = (command.commands ?? []).map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      const flags = [...(command.flags ?? []), ...(command.persistentFlags ?? [])].map(({ name }) => name);
      expect(new Set(flags).size).toBe(flags.length);
      for (const child of command.commands ?? []) check(child);
    };
    for (const command of PROGRAM.root.commands ?? []) check(command);
  });
});
