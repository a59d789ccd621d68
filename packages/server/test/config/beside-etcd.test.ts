import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { findPeer, peersAreRequired, requirePeer, type TemporaryDirectory, temporaryDirectory } from "@quorate/testkit";
import { parse, parseFile } from "./parse-config.ts";

/** A real one that does not refuse would serve for ever. */
const TIME_MS = 20_000;

const isHere = findPeer("etcd-3.5") !== undefined || peersAreRequired();
const CLIENT = "--listen-client-urls=http://127.0.0.1:1";

/** Command lines that both refuse: with the same exit code, and, where it is given, the same words. */
const REFUSED: readonly (readonly [flags: string, words?: string])[] = [
  ["--nope", "flag provided but not defined: -nope"],
  ["--nam=x", "flag provided but not defined: -nam"],
  ["---name=x", "bad flag syntax: ---name=x"],
  ["--=x", "bad flag syntax: --=x"],
  ["--name", "flag needs an argument: -name"],
  ["extra", "is not a valid flag"],
  ["--strict-reconfig-check false", "is not a valid flag"],
  ["--pre-vote=maybe", 'invalid boolean value "maybe" for -pre-vote: parse error'],
  ["--snapshot-count=-1", 'invalid value "-1" for flag -snapshot-count: parse error'],
  ["--max-txn-ops=1.5", 'invalid value "1.5" for flag -max-txn-ops: parse error'],
  ["--quota-backend-bytes=1G", 'invalid value "1G" for flag -quota-backend-bytes: parse error'],
  ["--max-concurrent-streams=5000000000", 'invalid value "5000000000" for flag -max-concurrent-streams: '],
  ["--grpc-keepalive-min-time=5", 'invalid value "5" for flag -grpc-keepalive-min-time: parse error'],
  ["--self-signed-cert-validity=-1", 'invalid value "-1" for flag -self-signed-cert-validity: parse error'],
  ["--listen-peer-urls=foo", "URL scheme must be http, https, unix, or unixs: foo"],
  ["--listen-peer-urls=http://1.2.3.4", 'URL address does not have the form "host:port": http://1.2.3.4'],
  ["--initial-cluster-state=old", 'invalid value "old" for flag -initial-cluster-state'],
  ["--v2-deprecation=x", 'invalid value "x" for flag -v2-deprecation'],
  ["--heartbeat-interval=0", "--heartbeat-interval must be >0 (set to 0ms)"],
  ["--election-timeout=0", "--election-timeout must be >0 (set to 0ms)"],
  [
    "--heartbeat-interval=100 --election-timeout=400",
    "--election-timeout[400ms] should be at least as 5 times as --heartbeat-interval[100ms]",
  ],
  ["--election-timeout=60000", "--election-timeout[60000ms] is too long, and should be set less than 50000ms"],
  ["--listen-peer-urls=http://example.com:1", "expected IP in URL for binding (http://example.com:1)"],
  [CLIENT, "--advertise-client-urls is required when --listen-client-urls is set explicitly"],
  [
    "--initial-advertise-peer-urls=http://:1",
    '--initial-advertise-peer-urls "http://:1" must be "host:port" (unexpected empty host (http://:1))',
  ],
  ["--advertise-client-urls=http://:1", "(unexpected empty host (http://:1))"],
  ["--auto-compaction-mode=x", 'unknown auto-compaction-mode "x"'],
  ["--auto-compaction-retention=x", 'error parsing CompactionRetention: time: invalid duration "x"'],
  ["--logger=capnslog", "--logger=capnslog is removed in v3.5"],
  ["--logger=x", 'unknown logger option "x"'],
  ["--log-outputs=default,stderr", 'multi logoutput for "default" is not supported yet'],
  ["--enable-log-rotation", "--log-outputs requires a single file path when --log-rotate-config-json is defined"],
  [
    '--enable-log-rotation --log-outputs=/dev/null --log-rotation-config-json={"maxsize":',
    "improperly formatted log rotation config: ",
  ],
  [
    '--enable-log-rotation --log-outputs=/dev/null --log-rotation-config-json={"maxsize":true}',
    "invalid log rotation config: ",
  ],
  [
    "--discovery-srv=x.invalid --initial-cluster=default=http://localhost:2380",
    "multiple discovery or bootstrap flags",
  ],
  ["--initial-cluster=bad", "error setting up initial cluster: URL scheme must be http, https, unix, or unixs: "],
  ["--config-file=/nonexistent"],
];

/** The same with a variable of the environment. */
const REFUSED_VARIABLES: readonly (readonly [variable: string, value: string, flags: string, words: string])[] = [
  ["ETCD_NAME", "b", "--name=a", "conflicting environment variable is shadowed by corresponding command-line flag"],
  ["ETCD_HEARTBEAT_INTERVAL", "x", "", 'invalid value "x" for ETCD_HEARTBEAT_INTERVAL: parse error'],
  ["ETCD_PRE_VOTE", "x", "", 'invalid value "x" for ETCD_PRE_VOTE: parse error'],
  ["ETCD_LISTEN_PEER_URLS", "foo", "", 'invalid value "foo" for ETCD_LISTEN_PEER_URLS: URL scheme must be'],
];

/** Configuration files that both refuse. What etcd says names fields of its source; we name the key. */
const REFUSED_FILES: readonly (readonly [yaml: string, key: string])[] = [
  ["name: [1]", "name"],
  ["name: 5", "name"],
  ["name: true", "name"],
  ["name: yes", "name"],
  ["auto-compaction-retention: 1", "auto-compaction-retention"],
  ['heartbeat-interval: "100"', "heartbeat-interval"],
  ["max-txn-ops: 1.5", "max-txn-ops"],
  ["max-txn-ops: -1", "max-txn-ops"],
  ["grpc-keepalive-min-time: 5s", "grpc-keepalive-min-time"],
  ["initial-cluster-state: old", "unexpected clusterState"],
  ["listen-peer-urls: [a]", "listen-peer-urls"],
  ["listen-client-urls: foo", "listen-client-urls"],
  ['pre-vote: "true"', "pre-vote"],
  ["log-outputs: stderr", "log-outputs"],
  ["cipher-suites: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "cipher-suites"],
  ['cors: ["*"]', "cors"],
  ['host-whitelist: ["*"]', "host-whitelist"],
  ["client-transport-security: x", "client-transport-security"],
  ["heartbeat-interval: 0", "--heartbeat-interval must be >0 (set to 0ms)"],
  ["tls-min-version: x", "unexpected TLS version"],
  ["a: [", ""],
  ["- a", ""],
];

(isHere ? describe : describe.skip)("configuration that etcd 3.5 refuses too", () => {
  let folder: TemporaryDirectory | undefined;
  beforeAll(() => {
    folder = temporaryDirectory("quorate-config-", "memory");
  });
  afterAll(() => {
    folder?.remove();
  });

  /** What a real etcd leaves with, and everything it says. */
  function etcd(
    flags: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): readonly [number | null, string] {
    const { PATH = "" } = process.env;
    const options = { cwd: folder?.path, env: { PATH, ...env }, timeout: TIME_MS, encoding: "utf8" } as const;
    const { status, stderr } = spawnSync(requirePeer("etcd-3.5"), flags, options);
    // Its log is JSON, in which quotes are escaped.
    return [status, stderr.replaceAll('\\"', '"').replaceAll("\\u003e", ">")];
  }

  it.each(REFUSED)("%s", (line, words = "") => {
    const flags = line.split(" ");
    const [code, said] = etcd(flags);
    const own = parse(flags);
    expect(own).toMatchObject({ kind: "stop", exitCode: code });
    expect(own.kind === "stop" ? own.stderr : "").toContain(words);
    expect(said).toContain(words);
  });

  it.each(REFUSED_VARIABLES)("%s=%s %s", (variable, value, line, words) => {
    const flags = line === "" ? [] : line.split(" ");
    const environment = { [variable]: value };
    const [code, said] = etcd(flags, environment);
    const own = parse(flags, { environment });
    expect(own).toMatchObject({ kind: "stop", exitCode: code });
    expect(own.kind === "stop" ? own.stderr : "").toContain(words);
    expect(said).toContain(words);
  });

  it.each(REFUSED_FILES)("a file with %j", (yaml, key) => {
    const path = join(folder?.path ?? "", "c.yaml");
    writeFileSync(path, yaml);
    const [code] = etcd([`--config-file=${path}`]);
    const own = parseFile(yaml);
    expect(own).toMatchObject({ kind: "stop", exitCode: code });
    expect(own.kind === "stop" ? own.stderr : "").toContain(key);
  });
});
