import { describe, expect, it } from "@jest/globals";
import { configOf, failure, noticesOf, parse, parseFile } from "./parse-config.ts";

const warnings = (outcome: ReturnType<typeof parse>): unknown[] =>
  noticesOf(outcome)
    .filter((notice) => notice.level === "warn")
    .map((notice) => [notice.message, notice.fields]);

describe("environment", () => {
  it("sets what the command line does not", () => {
    const config = configOf(parse(["--name=a"], { environment: { ETCD_DATA_DIR: "/d", ETCD_PRE_VOTE: "0" } }));

    expect([config.name, config.dataDir, config.preVote]).toEqual(["a", "/d", false]);
  });

  it("counts an empty value as not set", () => {
    expect(configOf(parse([], { environment: { ETCD_NAME: "" } })).name).toBe("default");
  });

  it("refuses a variable that a flag shadows", () => {
    expect(failure(parse(["--name=a"], { environment: { ETCD_NAME: "a" } }))).toBe(
      "1 quorate: conflicting environment variable is shadowed by corresponding command-line flag (either unset environment variable or disable flag)): ETCD_NAME",
    );
  });

  it("refuses an invalid value, naming the variable", () => {
    expect(failure(parse([], { environment: { ETCD_SNAPSHOT_COUNT: "x" } }))).toBe(
      '1 quorate: invalid value "x" for ETCD_SNAPSHOT_COUNT: parse error',
    );
  });

  it("reports every wrong variable at once", () => {
    const outcome = parse([], { environment: { ETCD_SNAPSHOT_COUNT: "x", ETCD_PRE_VOTE: "y" } });

    expect(outcome.kind === "stop" ? outcome.stderr.trim().split("\n").length : 0).toBe(2);
  });

  it("warns of variables it does not know, without their values", () => {
    const outcome = parse(["--name=a"], {
      environment: { ETCD_PORT_2379_TCP: "secret", ETCD_VERSION: "3", PATH: "/bin" },
    });

    expect(warnings(outcome)).toEqual([
      ["ignored a special environment variable", { variable: "ETCD_VERSION" }],
      ["unrecognized environment variable", { variable: "ETCD_PORT_2379_TCP" }],
    ]);
  });
});

describe("configuration file", () => {
  it("replaces flags and variables altogether", () => {
    const outcome = parse(["--name=a", "--config-file", "c.yaml"], {
      environment: { ETCD_DATA_DIR: "/env", ETCD_NAME: "shadowed" },
      readFile: () => "name: b\n",
    });

    expect([configOf(outcome).name, configOf(outcome).dataDir]).toEqual(["b", "b.etcd"]);
    expect(noticesOf(outcome)[0]).toMatchObject({ level: "info", fields: { path: "c.yaml" } });
  });

  it("is found by its variable too", () => {
    const outcome = parse([], {
      environment: { ETCD_CONFIG_FILE: "e.yaml" },
      readFile: (path) => `name: from-${path}`,
    });

    expect(configOf(outcome)).toMatchObject({ name: "from-e.yaml", configFile: "e.yaml" });
  });

  it("reads every kind of value, YAML or JSON", () => {
    const yaml = `
name: m1
data-dir: /data
snapshot-count: 500
heartbeat-interval: 50
election-timeout: 500
listen-client-urls: http://127.0.0.1:1,http://127.0.0.1:2
advertise-client-urls: http://127.0.0.1:1
grpc-keepalive-interval: 10000000000
auto-compaction-retention: "1"
log-outputs: [stderr, /var/log/q.log]
log-level: debug
cors: http://a:1,http://b:1
host-whitelist: a,b
feature-gates: InitialCorruptCheck=true
quota-backend-bytes: 8589934592
pre-vote: false
`;
    const config = configOf(parseFile(yaml));

    expect(config).toMatchObject({
      name: "m1",
      dataDir: "/data",
      walDir: "/data/member/wal",
      snapshotCount: 500,
      heartbeatIntervalMs: 50,
      electionTimeoutMs: 500,
      grpcKeepaliveIntervalMs: 10_000,
      autoCompaction: { mode: "periodic", periodMs: 3_600_000 },
      log: { level: "debug", format: "json", outputs: ["/var/log/q.log", "stderr"] },
      enablePprof: true,
      cors: ["http://a:1", "http://b:1"],
      hostWhitelist: ["a", "b"],
      quotaBackendBytes: 8589934592,
      preVote: false,
    });
    expect(config.listenClientUrls.map((url) => url.port)).toEqual([1, 2]);
    expect(config.featureGates.InitialCorruptCheck).toBe(true);
    expect(configOf(parseFile('{"name": "j", "heartbeat-interval": 20}'))).toMatchObject({
      name: "j",
      heartbeatIntervalMs: 20,
    });
  });

  it("does not ask for advertised URLs, as etcd does not", () => {
    expect(failure(parseFile("listen-client-urls: http://127.0.0.1:1"))).toBe("runs");
  });

  it("has TLS in sections of its own", () => {
    const { clientTls, peerTls } = configOf(
      parseFile(
        "client-transport-security:\n  cert-file: c\n  key-file: k\n  allowed-cn: [x, z]\n" +
          "peer-transport-security:\n  auto-tls: true\ndata-dir: /d\nlisten-client-urls: https://127.0.0.1:1",
      ),
    );

    expect(clientTls).toMatchObject({ certFile: "c", keyFile: "k", allowedCns: ["x", "z"], clientCertAuth: false });
    expect(peerTls).toMatchObject({ keyFile: "/d/fixtures/peer/key.pem", clientCertFile: "/d/fixtures/peer/cert.pem" });
  });

  it("leaves defaults for an empty file, nulls and empty URL lists", () => {
    expect(configOf(parseFile("")).name).toBe("default");
    expect(configOf(parseFile("name:\nlisten-client-urls: ''")).listenClientUrls[0]?.text).toBe(
      "http://localhost:2379",
    );
  });

  it.each([
    ["heartbeat-interval: fast", '1 quorate: c.yaml: heartbeat-interval: expected an integer, found "fast"'],
    [
      "grpc-keepalive-interval: 10s",
      '1 quorate: c.yaml: grpc-keepalive-interval: expected an integer, the duration in nanoseconds, found "10s"',
    ],
    ["pre-vote: 'yes'", '1 quorate: c.yaml: pre-vote: expected true or false, found "yes"'],
    [
      "listen-client-urls: [http://a:1]",
      '1 quorate: c.yaml: listen-client-urls: expected one string of comma-separated URLs, found ["http://a:1"]',
    ],
    ["initial-cluster-state: old", '1 quorate: c.yaml: initial-cluster-state: unexpected clusterState "old"'],
    ["- a\n- b", "1 quorate: c.yaml: expected a mapping of keys to values"],
    [
      "listen-client-urls: https://127.0.0.1:1\nadvertise-client-urls: https://a:1\nclient-transport-security:\n  cert-file: x",
      "1 quorate: KeyFile and CertFile must both be present[key: , cert: x]",
    ],
    [
      "client-transport-security:\n  allowed-cn: [x]\n  allowed-hostname: [h]",
      '1 quorate: AllowedCNs and AllowedHostnames are mutually exclusive (cns=["x"], hostnames=["h"])',
    ],
    [
      "discovery-config:\n  token: t\n  client:\n    endpoints: [a]",
      "1 quorate: --discovery-endpoints is not supported by this version of Quorate",
    ],
  ])("refuses %j", (text, message) => {
    expect(failure(parseFile(text))).toBe(message);
  });

  it("names file and line of a syntax error", () => {
    expect(failure(parseFile("name: a\nb: [c"))).toMatch(/^1 quorate: c\.yaml: .* at line 2, column/);
  });

  it("names a file that cannot be read", () => {
    expect(failure(parse(["--config-file=none.yaml"]))).toBe(
      "1 quorate: cannot read the configuration file none.yaml: ENOENT: no such file or directory, open 'none.yaml'",
    );
  });

  it("does not expand aliases without end", () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c]`;

    expect(failure(parseFile(bomb))).toMatch(/^1 quorate: c\.yaml: Excessive alias count/);
  });

  it("takes yes for true, and of a key that is repeated the last, with a warning", () => {
    const outcome = parseFile("pre-vote: no\nname: a\nname: b");

    expect(configOf(outcome)).toMatchObject({ name: "b", preVote: false });
    expect(warnings(outcome)).toEqual([
      ["a key of the configuration file is repeated; the last one counts", { path: "c.yaml" }],
    ]);
  });

  it("founds nothing from members that are none", () => {
    expect(configOf(parseFile('initial-cluster: ""')).initialCluster).toEqual([]);
    expect(configOf(parse(["--initial-cluster="])).initialCluster).toEqual([]);
    expect(configOf(parse([], { environment: { ETCD_INITIAL_CLUSTER: "" } })).initialCluster).toHaveLength(1);
  });

  it("ignores an unknown key with a warning that has the nearest known one", () => {
    expect(warnings(parseFile("name: a\ndata-dri: /x"))).toEqual([
      [
        "ignored an unknown key of the configuration file",
        { path: "c.yaml", key: "data-dri", "did-you-mean": "data-dir" },
      ],
    ]);
  });

  it("reads sections as settings of their flags", () => {
    expect(warnings(parseFile("name: a\nsocket-options:\n  reuse-address: true"))).toEqual([
      ["flag has no meaning in Quorate and is ignored", { flag: "socket-reuse-address", reason: "it is always set" }],
    ]);
    expect(failure(parseFile("client-transport-security:\n  client-cert-auth: false\n  cert-file: ''"))).toBe("runs");
  });
});
