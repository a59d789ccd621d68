import { describe, expect, it } from "@jest/globals";
import { parseFlags } from "../../src/frame/flag-parser.ts";
import type { FlagSpec } from "../../src/frame/flag-spec.ts";
import { FlagValues } from "../../src/frame/flag-values.ts";

const SPECS: readonly FlagSpec[] = [
  { name: "write-out", shorthand: "w", kind: "string", default: "simple", usage: "" },
  { name: "prefix", kind: "bool", usage: "" },
  { name: "interactive", shorthand: "i", kind: "bool", usage: "" },
  { name: "listen", shorthand: "l", kind: "bool", default: "true", usage: "" },
  { name: "rev", kind: "int64", usage: "" },
  { name: "max-txn-ops", kind: "uint", default: "128", usage: "" },
  { name: "timeout", kind: "duration", default: "5s", usage: "" },
  { name: "endpoints", kind: "strings", default: "127.0.0.1:2379", usage: "" },
];

function parse(...argv: string[]): { flags: FlagValues; parsed: ReturnType<typeof parseFlags> } {
  const flags = new FlagValues(SPECS);
  return { flags, parsed: parseFlags(argv, flags) };
}

function errorOf(...argv: string[]): string | undefined {
  const { parsed } = parse(...argv);
  return "error" in parsed ? parsed.error : undefined;
}

describe("flags by pflag's rules", () => {
  it.each([
    [["--write-out=json"], "json"],
    [["--write-out", "json"], "json"],
    [["-w", "json"], "json"],
    [["-wjson"], "json"],
    [["-w=json"], "json"],
    [["-iw", "json"], "json"],
    [["-w", "json", "-w", "table"], "table"],
    [["--write-out="], ""],
    [[], "simple"],
  ])("%j sets a string to %j", (argv, expected) => {
    const { flags, parsed } = parse(...argv);
    expect(parsed).toEqual({ positional: [], beforeDash: undefined });
    expect(flags.string("write-out")).toBe(expected);
  });

  it("takes a boolean's value by '=' alone, and letters together", () => {
    expect(parse("--prefix", "false").flags.bool("prefix")).toBe(true);
    expect(parse("--prefix=false").flags.bool("prefix")).toBe(false);
    expect(parse("--listen=0").flags.bool("listen")).toBe(false);
    const { flags } = parse("-il=f");
    expect([flags.bool("interactive"), flags.bool("listen")]).toEqual([true, false]);
  });

  it("mixes flags and arguments and ends flags at --", () => {
    expect(parse("a", "--prefix", "b", "-").parsed).toEqual({ positional: ["a", "b", "-"], beforeDash: undefined });
    expect(parse("a", "--", "--prefix", "--").parsed).toEqual({ positional: ["a", "--prefix", "--"], beforeDash: 1 });
    expect(parse("--write-out", "--", "x").flags.string("write-out")).toBe("--");
  });

  it("adds further uses of a list to the first, which replaces the default", () => {
    expect(parse().flags.strings("endpoints")).toEqual(["127.0.0.1:2379"]);
    expect(parse("--endpoints=a,b", "--endpoints", 'c,"d,e"').flags.strings("endpoints")).toEqual([
      "a",
      "b",
      "c",
      "d,e",
    ]);
    expect(parse("--endpoints=").flags.strings("endpoints")).toEqual([]);
    expect(parse("--endpoints=a,").flags.strings("endpoints")).toEqual(["a", ""]);
  });

  it("reads numbers of any base and durations", () => {
    expect(parse("--rev=0x10").flags.integer("rev")).toBe(16);
    expect(parse("--rev=-3").flags.integer("rev")).toBe(-3);
    expect(parse("--rev=9223372036854775807").flags.bigint("rev")).toBe(9223372036854775807n);
    expect(parse("--rev=9223372036854775807").flags.integer("rev")).toBe(Number.MAX_SAFE_INTEGER);
    expect(parse("--timeout=1m1.5s").flags.milliseconds("timeout")).toBe(61_500);
    expect(parse().flags.milliseconds("timeout")).toBe(5000);
  });

  it.each([
    [["--prefx"], "unknown flag: --prefx"],
    [["-x"], "unknown shorthand flag: 'x' in -x"],
    [["-ixy"], "unknown shorthand flag: 'x' in -xy"],
    [["--rev"], "flag needs an argument: --rev"],
    [["-w"], "flag needs an argument: 'w' in -w"],
    [["--=a"], "bad flag syntax: --=a"],
    [["---a"], "bad flag syntax: ---a"],
    [["--rev=x"], 'invalid argument "x" for "--rev" flag: strconv.ParseInt: parsing "x": invalid syntax'],
    [
      ["--rev=9223372036854775808"],
      'invalid argument "9223372036854775808" for "--rev" flag: strconv.ParseInt: parsing "9223372036854775808": value out of range',
    ],
    [
      ["--max-txn-ops=-1"],
      'invalid argument "-1" for "--max-txn-ops" flag: strconv.ParseUint: parsing "-1": invalid syntax',
    ],
    [
      ["--prefix=maybe"],
      'invalid argument "maybe" for "--prefix" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
    [["--timeout=5"], 'invalid argument "5" for "--timeout" flag: time: missing unit in duration "5"'],
    [["--timeout=5d"], 'invalid argument "5d" for "--timeout" flag: time: unknown unit "d" in duration "5d"'],
    [["--timeout=x"], 'invalid argument "x" for "--timeout" flag: time: invalid duration "x"'],
    [["-i=x"], 'invalid argument "x" for "-i, --interactive" flag: strconv.ParseBool: parsing "x": invalid syntax'],
  ])("%j is refused", (argv, expected) => {
    expect(errorOf(...argv)).toBe(expected);
  });

  it("takes one dash where a tool's flags are those of Go's own package", () => {
    const flags = new FlagValues(SPECS);
    expect(parseFlags(["-rev", "7", "-prefix", "x"], flags, { singleDash: true })).toEqual({
      positional: ["x"],
      beforeDash: undefined,
    });
    expect([flags.integer("rev"), flags.bool("prefix")]).toEqual([7, true]);
  });
});
