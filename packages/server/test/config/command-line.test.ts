import { describe, expect, it } from "@jest/globals";
import { FLAGS } from "../../src/node/config/flag-table.ts";
import { configOf, failure, noticesOf, parse } from "./parse-config.ts";

describe("command line", () => {
  it("takes one dash or two, a value after = or in the next argument", () => {
    for (const argv of [["--name=a"], ["-name=a"], ["--name", "a"], ["-name", "a"]]) {
      expect(configOf(parse(argv)).name).toBe("a");
    }
  });

  it("takes the value of a boolean by = alone", () => {
    expect(configOf(parse(["--pre-vote=false"])).preVote).toBe(false);
    expect(configOf(parse(["--unsafe-no-fsync"])).unsafeNoFsync).toBe(true);
    expect(failure(parse(["--pre-vote", "false"]))).toBe('1 quorate: "false" is not a valid flag');
  });

  it("keeps the last of repeated flags", () => {
    expect(configOf(parse(["--name=a", "--name=b"])).name).toBe("b");
  });

  const syntax: ReadonlyArray<readonly [argv: readonly string[], message: string]> = [
    [["--foo"], "2 flag provided but not defined: -foo"],
    [["-foo=1"], "2 flag provided but not defined: -foo"],
    [["--=1"], "2 bad flag syntax: --=1"],
    [["---name=a"], "2 bad flag syntax: ---name=a"],
    [["--name"], "2 flag needs an argument: -name"],
    [["--pre-vote=maybe"], '2 invalid boolean value "maybe" for -pre-vote: parse error'],
    [["--snapshot-count=-1"], '2 invalid value "-1" for flag -snapshot-count: parse error'],
    [["--snapshot-count=ten"], '2 invalid value "ten" for flag -snapshot-count: parse error'],
    [
      ["--max-concurrent-streams=4294967296"],
      '2 invalid value "4294967296" for flag -max-concurrent-streams: value out of range',
    ],
    [["--grpc-keepalive-interval=5"], '2 invalid value "5" for flag -grpc-keepalive-interval: parse error'],
    [["--initial-cluster-state=old"], '2 invalid value "old" for flag -initial-cluster-state: invalid value'],
    [
      ["--listen-client-urls=tcp://1.2.3.4:5"],
      '2 invalid value "tcp://1.2.3.4:5" for flag -listen-client-urls: URL scheme must be http, https, unix, or unixs: tcp://1.2.3.4:5',
    ],
    [
      ["--listen-client-urls=http://1.2.3.4"],
      '2 invalid value "http://1.2.3.4" for flag -listen-client-urls: URL address does not have the form "host:port": http://1.2.3.4',
    ],
    [
      ["--listen-client-urls=http://1.2.3.4:5/v3"],
      '2 invalid value "http://1.2.3.4:5/v3" for flag -listen-client-urls: URL must not contain a path: http://1.2.3.4:5/v3',
    ],
    [
      ["--feature-gates=Nope=true"],
      '2 invalid value "Nope=true" for flag -feature-gates: unrecognized feature gate: Nope',
    ],
    [
      ["--feature-gates=AllAlpha"],
      '2 invalid value "AllAlpha" for flag -feature-gates: missing bool value for AllAlpha',
    ],
    [["gateway", "start"], '1 quorate: "gateway" is not a valid flag'],
  ];
  it.each(syntax)("refuses %j with etcd's words", (argv, message) => {
    expect(failure(parse(argv))).toBe(message);
  });

  it.each([
    ["--data-dri=x", "did you mean --data-dir?"],
    ["--listen-client-url=x", "did you mean --listen-client-urls?"],
    ["--experimental-max-learners=1", "etcd 3.7 removed it; use --max-learners"],
    ["--experimental-initial-corrupt-check=true", "etcd 3.7 removed it; use --feature-gates=InitialCorruptCheck=true"],
    ["--zzzzzzzz", "Run 'quorate --help' for all flags."],
  ])("helps with %s", (argument, line) => {
    const outcome = parse([argument]);

    expect(outcome.kind === "stop" ? outcome.stderr.split("\n")[1] : "").toBe(line);
  });

  it("prints help for every flag and leaves with 0", () => {
    for (const help of ["--help", "-h", "-help"]) {
      const outcome = parse([help]);
      const text = outcome.kind === "stop" ? outcome.stdout : "";

      expect(outcome).toMatchObject({ kind: "stop", exitCode: 0, stderr: "" });
      for (const flag of FLAGS) expect(text).toContain(`  --${flag.name}`);
      expect(text.split("\n").every((line) => line.length <= 140)).toBe(true);
    }
  });

  it("prints etcd's version lines and its own, and leaves with 0", () => {
    expect(parse(["--version"])).toEqual({
      kind: "stop",
      exitCode: 0,
      stderr: "",
      stdout:
        "etcd Version: 3.7.1\nGit SHA: none\nGo Version: none (Node.js v20.15.0)\nGo OS/Arch: linux/amd64\nQuorate Version: 0.1.0\n",
    });
  });

  it("accepts the flags of etcd's past with one warning each", () => {
    expect(noticesOf(parse(["--snapshot=9", "--vv", "--name=a"]))).toEqual(
      ["snapshot", "vv"].map((flag) => ({
        level: "warn",
        message: "flag is no longer supported and is ignored",
        fields: { flag },
      })),
    );
  });

  it("refuses an architecture etcd does not run on, unless told otherwise", () => {
    const platform = { nodeVersion: "v20.15.0", os: "linux", arch: "ia32" };

    expect(failure(parse([], { platform }))).toBe(
      "1 quorate: refusing to run on 386; set ETCD_UNSUPPORTED_ARCH=386 to run all the same",
    );
    expect(failure(parse([], { platform, environment: { ETCD_UNSUPPORTED_ARCH: "386" } }))).toBe("runs");
  });
});

describe("flag table", () => {
  it("names every flag once and gives each help", () => {
    expect(new Set(FLAGS.map((flag) => flag.name)).size).toBe(FLAGS.length);
    expect(FLAGS.filter((flag) => flag.help === "")).toEqual([]);
  });

  it("maps every file key to one flag", () => {
    const keys = FLAGS.flatMap((flag) => flag.fileKey ?? []);

    expect(new Set(keys).size).toBe(keys.length);
  });

  it("accepts the default of every flag it does not refuse, written out", () => {
    for (const flag of FLAGS) {
      if (["config-file", "version", "initial-cluster"].includes(flag.name)) continue;
      const argv = [`--${flag.name}=${flag.default}`, "--advertise-client-urls=http://localhost:2379"];

      expect({
        flag: flag.name,
        outcome: failure(parse(flag.kind === "bool" && flag.default === "" ? [] : argv)),
      }).toEqual({
        flag: flag.name,
        outcome: "runs",
      });
    }
  });
});
