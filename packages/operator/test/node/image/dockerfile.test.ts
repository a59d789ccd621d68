import { execFile } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type TemporaryDirectory, temporaryDirectory } from "@quorate/testkit";

// No container engine runs here. What can be checked without one: what the Dockerfile says, what its build puts together, and that this
// runs as another user on a filesystem that cannot be written to.

const ROOT = join(import.meta.dirname, "..", "..", "..", "..", "..");

interface Instruction {
  readonly keyword: string;
  readonly rest: string;
}
interface Stage {
  readonly name: string;
  readonly from: string;
  readonly instructions: readonly Instruction[];
}

function stagesOf(text: string): readonly Stage[] {
  const stages: { name: string; from: string; instructions: Instruction[] }[] = [];
  for (const line of text.replaceAll("\\\n", " ").split("\n")) {
    const match = /^(?<keyword>[A-Z]+)\s+(?<rest>.+)$/.exec(line.trim());
    if (match?.groups === undefined) continue;
    const { keyword = "", rest = "" } = match.groups;
    const from = keyword === "FROM" ? /^(?<from>\S+) AS (?<name>\S+)$/.exec(rest)?.groups : undefined;
    if (from !== undefined) stages.push({ name: from["name"] ?? "", from: from["from"] ?? "", instructions: [] });
    else stages.at(-1)?.instructions.push({ keyword, rest });
  }
  return stages;
}

const stages = stagesOf(readFileSync(join(ROOT, "Dockerfile"), "utf8"));
const targets = ["server", "cli", "operator", "all"];
const of = (stage: string, keyword: string): readonly string[] =>
  (stages.find(({ name }) => name === stage)?.instructions ?? [])
    .filter((instruction) => instruction.keyword === keyword)
    .map(({ rest }) => rest);
const run = (command: string, args: readonly string[], cwd = ROOT): Promise<{ code: number; output: string }> =>
  new Promise((resolve) => {
    execFile(command, args, { cwd, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code) || 1, output: stdout + stderr });
    });
  });

describe("Dockerfile", () => {
  it("has a stage for each program and, as the default, one with all", () => {
    expect(stages.map(({ name }) => name)).toEqual(["build", "base", ...targets]);
  });

  it("runs every image as 65532, on a base that has a fixed version and no package manager", () => {
    for (const target of targets) expect([target, of(target, "USER")]).toEqual([target, ["65532:65532"]]);
    expect(readFileSync(join(ROOT, "Dockerfile"), "utf8")).toMatch(/^ARG NODE_IMAGE=node:\d+\.\d+\.\d+-\S+$/m);
    expect(of("base", "RUN")[0]).toContain("/usr/local/bin/npm");
    expect(targets.flatMap((target) => of(target, "RUN")).join("\n")).not.toMatch(/npm|apt|curl|chmod|TARGETARCH/);
  });

  it("copies into an image only what was put together for it", () => {
    for (const target of targets) expect(of(target, "COPY")).toEqual([`--from=build /out/${target} /opt/quorate`]);
  });

  it("is given nothing by the build context but what the build needs", () => {
    const ignored = readFileSync(join(ROOT, ".dockerignore"), "utf8").split("\n");

    expect(ignored).toContain("*");
    for (const name of ["package-lock.json", "packages", "scripts/image-tree.mjs"])
      expect(ignored).toContain(`!${name}`);
    for (const line of ignored.filter((each) => each.startsWith("!")))
      expect(existsSync(join(ROOT, line.slice(1)))).toBe(true);
  });
});

describe("what the images hold", () => {
  let out: TemporaryDirectory;
  const programs: readonly (readonly [string, string, readonly string[], RegExp])[] = [
    ["server", "quorate", ["--version"], /Quorate Version: \d/],
    ["cli", "quoratectl", ["version"], /quoratectl version: \d/],
    ["operator", "quorate-operator", ["version"], /quorate-operator \d/],
    ["operator", "quoratectl", ["version"], /quoratectl version: \d/],
    ["all", "quorate", ["--version"], /Quorate Version: \d/],
    ["all", "quoratectl", ["version"], /quoratectl version: \d/],
    ["all", "quorate-operator", ["run", "--help"], /--lease-duration/],
  ];

  beforeAll(async () => {
    out = temporaryDirectory("quorate-images-");
    // The user of the images is not the one of the tests.
    chmodSync(out.path, 0o755);
    // The build's own commands, with another place than /out.
    for (const command of of("build", "RUN").filter((each) => each.includes("image-tree"))) {
      const args = command.replace("/out/", `${out.path}/`).split(" ");
      expect(await run(args[0] ?? "", args.slice(1))).toEqual({ code: 0, output: "" });
    }
    for (const target of targets)
      for (const command of of(target, "RUN"))
        expect((await run("sh", ["-c", command], join(out.path, target))).code).toBe(0);
  }, 120_000);
  afterAll(() => out?.remove());

  it.each(programs)(
    "%s has %s, which runs as 65532 where nothing can be written",
    async (target, program, args, says) => {
      const folder = join(out.path, target);
      const command = `exec env -i PATH=${folder}/bin:${process.execPath.replace(/\/node$/, "")}:/usr/bin:/bin ${program} ${args.join(" ")}`;
      // In a namespace of its own every mount is made read-only; where that is not allowed the program runs without.
      const isolated = `mount -o remount,ro,bind / 2>/dev/null; mount --bind ${folder} ${folder} && mount -o remount,ro,bind ${folder} && cd / && exec setpriv --reuid=65532 --regid=65532 --clear-groups sh -c '${command}'`;
      const mayIsolate = process.getuid?.() === 0 && (await run("unshare", ["--mount", "true"])).code === 0;
      const { code, output } = mayIsolate
        ? await run("unshare", ["--mount", "sh", "-c", isolated])
        : await run("sh", ["-c", command]);

      expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(says) });
    },
  );

  it("is what runs, without what builds and tests", () => {
    const packages = readdirSync(join(out.path, "all", "node_modules"));
    for (const name of ["typescript", "jest", "nx", "s3rver", ".bin"]) expect(packages).not.toContain(name);
    expect(readdirSync(join(out.path, "all", "packages")).sort()).toEqual(
      ["base", "cli", "client", "grpc", "mvcc", "operator", "protocol", "raft", "server", "storage"].sort(),
    );
    expect(readdirSync(join(out.path, "cli", "packages"))).not.toContain("server");
    expect(existsSync(join(out.path, "server", "node_modules", "prom-client"))).toBe(true);
    expect(existsSync(join(out.path, "all", "packages", "server", "src"))).toBe(false);
  });
});
