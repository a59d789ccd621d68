/** What etcdctl refuses before it asks a server: its words and exit codes (CLI page, A2 to A5). */
import { describe, expect, it } from "@jest/globals";
import { FlagValues } from "../../src/frame/flag-values.ts";
import { keyRange } from "../../src/online/key-range.ts";
import { WATCH_FLAGS } from "../../src/online/key-value-commands.ts";
import { watchPlan } from "../../src/online/watch-arguments.ts";
import { capturedRun } from "../captured-run.ts";

const BOTH_RANGES = "`--prefix` and `--from-key` cannot be set at the same time, choose one";
const TOO_MANY = "too many arguments, only accept one argument when `--prefix` or `--from-key` is set";
const BAD_HEX = 'strconv.ParseInt: parsing "zz": invalid syntax';
const BAD_MEMBER = 'bad member ID arg (strconv.ParseUint: parsing "zz": invalid syntax), expecting ID in Hex';

const CASES: readonly (readonly [string, number, string])[] = [
  ["get", 128, "get command needs one argument as key and an optional argument as range_end"],
  ["get a --prefix --from-key", 128, BOTH_RANGES],
  ["get a b --prefix", 128, TOO_MANY],
  [
    "get a --keys-only --count-only",
    128,
    "`--keys-only` and `--count-only` cannot be set at the same time, choose one",
  ],
  ["get a --consistency=x", 4, 'unknown consistency flag "x"'],
  ["get a --order=up", 4, "bad sort order up"],
  ["get a --sort-by=name", 4, "bad sort target name"],
  ["get a --min-mod-rev=5 --max-mod-rev=3", 4, "getMinModRev(=5) > getMaxModRev(=3)"],
  ["get a --min-create-rev=5 --max-create-rev=3", 4, "getMinCreateRev(=5) > getMaxCreateRev(=3)"],
  ["get a -w xml", 4, "unsupported output format"],
  ["put", 128, "put command needs 1 argument and input from stdin or 2 arguments"],
  ["put a", 128, "put command needs 1 argument and input from stdin or 2 arguments"],
  ["put a b --ignore-value", 128, "put command needs only 1 argument when 'ignore-value' is set"],
  ["put a b --lease=zz", 128, `bad lease ID (${BAD_HEX}), expecting ID in Hex`],
  ["del", 128, "del command needs one argument as key and an optional argument as range_end"],
  ["del a b c", 128, "del command needs one argument as key and an optional argument as range_end"],
  ["del a --prefix --from-key", 128, BOTH_RANGES],
  ["del a b --prefix", 128, TOO_MANY],
  ["txn x", 128, "txn command does not accept argument"],
  ["watch", 128, "bad number of arguments"],
  ["watch --rev=3", 128, "bad number of arguments"],
  ["watch a --", 128, "bad number of arguments (found separator --, but no commands)"],
  ["watch a b --prefix", 128, "`range_end` and `--prefix` are mutually exclusive"],
  ["lock", 128, "lock takes a lock name argument and an optional command to execute"],
  ["elect", 128, "elect takes one election name argument and an optional proposal argument"],
  ["elect n", 128, "no proposal argument but -l not set"],
  ["elect n p -l", 128, "proposal given but -l is set"],
  ["make-mirror", 128, "make-mirror takes one destination argument"],
  [
    "make-mirror d --dest-prefix=x --no-dest-prefix",
    128,
    "`--dest-prefix` and `--no-dest-prefix` cannot be set at the same time, choose one",
  ],
  ["check perf --load=huge", 4, "unknown load option huge"],
  ["check datascale --load=toString", 4, "unknown load option toString"],
  ["compaction", 128, "compaction command needs 1 argument"],
  ["compaction x", 1, 'strconv.ParseInt: parsing "x": invalid syntax'],
  ["member add m --peer-urls=host:1", 1, "URL scheme must be http, https, unix, or unixs: host:1"],
  ["member update 1 --peer-urls=http://a", 1, 'URL address does not have the form "host:port": http://a'],
  ["member update 1 --peer-urls=http://a:1/b", 1, "URL must not contain a path: http://a:1/b"],
  ["lease grant", 128, "lease grant command needs TTL argument"],
  ["lease grant x", 128, 'bad TTL (strconv.ParseInt: parsing "x": invalid syntax)'],
  ["lease revoke", 128, "lease revoke command needs 1 argument"],
  ["lease revoke zz", 128, `bad lease ID arg (${BAD_HEX}), expecting ID in Hex`],
  ["lease timetolive", 128, "lease timetolive command needs lease ID as argument"],
  ["lease keep-alive zz", 128, `bad lease ID arg (${BAD_HEX}), expecting ID in Hex`],
  ["member add", 128, "member name not provided"],
  ["member add m http://a:1", 128, "too many arguments, did you mean --peer-urls=http://a:1"],
  ["member add m", 128, "member peer urls not provided"],
  ["member remove", 128, "member ID is not provided"],
  ["member remove zz", 128, BAD_MEMBER],
  ["member update 1f", 128, "member peer urls not provided"],
  ["member promote zz", 128, BAD_MEMBER],
  ["member list --consistency=x", 4, 'unknown consistency flag "x"'],
  ["alarm list x", 128, "alarm list command accepts no arguments"],
  ["alarm disarm x", 128, "alarm disarm command accepts no arguments"],
  ["snapshot save", 128, "snapshot save expects one argument <filename>"],
  ["snapshot save f --endpoints=a,b", 5, "snapshot must be requested to one selected node, not multiple [a b]"],
  ["move-leader", 128, "move-leader command needs 1 argument"],
  ["move-leader zz", 128, 'strconv.ParseUint: parsing "zz": invalid syntax'],
  ["downgrade validate", 128, "TARGET_VERSION not provided"],
  ["downgrade enable a b", 128, "too many arguments"],
  ["auth enable x", 128, "auth enable command does not accept any arguments"],
  ["user add", 128, "user add command requires user name as its argument"],
  ["user add :x", 128, "empty user name is not allowed"],
  ["user delete", 128, "user delete command requires user name as its argument"],
  ["user list x", 128, "user list command requires no arguments"],
  ["user grant-role u", 128, "user grant command requires user name and role name as its argument"],
  ["user revoke-role u", 128, "user revoke-role requires user name and role name as its argument"],
  ["role add", 128, "role add command requires role name as its argument"],
  [
    "role grant-permission r read",
    128,
    "role grant command requires role name, permission type, and key [endkey] as its argument",
  ],
  ["role grant-permission r none k", 128, "invalid permission type: none"],
  ["role grant-permission r read k e --prefix", 128, "unexpected endkey argument with --prefix flag"],
  ["role grant-permission r read k e --from-key", 128, "unexpected endkey argument with --from-key flag"],
  ["role grant-permission r read k --prefix --from-key", 128, "--from-key and --prefix flags are mutually exclusive"],
  [
    "role revoke-permission r",
    128,
    "role revoke-permission command requires role name and key [endkey] as its argument",
  ],
  ["get a --cert=", 128, "empty string is passed to --cert option"],
  ["get a --cacert=/nowhere/ca.crt", 128, "open /nowhere/ca.crt: no such file or directory"],
  ["get a --endpoints=ftp://a", 128, 'endpoint "ftp://a": the scheme is none of http, https, unix and unixs'],
];

describe("arguments", () => {
  it.each(CASES)("'%s' ends with %d", async (line, code, message) => {
    expect(await capturedRun(line.split(" "))).toEqual({ code, stdout: "", stderr: `Error: ${message}\n` });
  });

  it("asks twice for a new password and refuses what is empty or differs", async () => {
    const add = (...secrets: readonly string[]): Promise<unknown> => capturedRun(["user", "add", "u"], { secrets });
    expect(await add("a", "b")).toMatchObject({ code: 128, stderr: "Error: given passwords are different\n" });
    expect(await add("", "")).toMatchObject({ code: 128, stderr: "Error: empty password\n" });
  });

  it("refuses a flag together with its variable, and takes the variable alone", async () => {
    const both = await capturedRun(["get", "a", "-w", "json"], { env: { ETCDCTL_WRITE_OUT: "table" } });
    expect([both.code, both.stderr.includes("conflicting environment variable is shadowed")]).toEqual([1, true]);
    const alone = await capturedRun(["get", "a"], { env: { ETCDCTL_WRITE_OUT: "xml" } });
    expect(alone).toMatchObject({ code: 4, stderr: "Error: unsupported output format\n" });
  });

  it("watches what variables name, but not together with what the command line names", async () => {
    const env = { ETCDCTL_WATCH_KEY: "k" };
    const conflict = "Error: bad number of arguments (found conflicting environment key)\n";
    expect((await capturedRun(["watch", "a"], { env })).stderr).toBe(conflict);
    expect((await capturedRun(["watch", "a", "--", "echo"], { env })).stderr).toBe(conflict);
    expect(await capturedRun(["watch", "a"], { env: { ETCDCTL_WATCH_RANGE_END: "z" } })).toMatchObject({
      code: 128,
      stderr: 'Error: ETCDCTL_WATCH_KEY is empty but got ETCDCTL_WATCH_RANGE_END="z"\n',
    });
    const flags = new FlagValues(WATCH_FLAGS);
    const plan = watchPlan({ args: ["echo", "x"], beforeDash: 0 }, flags, { key: "k", rangeEnd: "m" });
    expect([plan.range, plan.command].map((part) => JSON.stringify(part))).toEqual([
      JSON.stringify(keyRange("k", "m", { prefix: false, fromKey: false })),
      '["echo","x"]',
    ]);
  });

  it("shows its settings but no secrets with --debug", async () => {
    const { stderr } = await capturedRun(["get", "a", "--debug", "--user=root:secret", "-w", "xml"]);
    expect(stderr).toContain("ETCDCTL_COMMAND_TIMEOUT=5s\n");
    expect(stderr).toContain("ETCDCTL_ENDPOINTS=[127.0.0.1:2379]\n");
    expect(stderr).not.toContain("secret");
  });
});

describe("ranges", () => {
  it("mean all keys where the key is empty", () => {
    const all = { key: Uint8Array.of(0), rangeEnd: Uint8Array.of(0) };
    expect(keyRange("", undefined, { prefix: true, fromKey: false })).toEqual(all);
    expect(keyRange("", undefined, { prefix: false, fromKey: true })).toEqual(all);
  });
});
