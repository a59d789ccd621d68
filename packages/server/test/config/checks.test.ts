import { describe, expect, it } from "@jest/globals";
import { bootstrapProblems } from "../../src/node/config/index.ts";
import { configOf, failure, noticesOf, parse } from "./parse-config.ts";

const NAMED = "--name=a";

describe("configuration checks", () => {
  const refused: ReadonlyArray<readonly [flags: string, message: string]> = [
    ["--heartbeat-interval=0", "--heartbeat-interval must be >0 (set to 0ms)"],
    ["--election-timeout=0", "--election-timeout must be >0 (set to 0ms)"],
    [
      "--election-timeout=499",
      "--election-timeout[499ms] should be at least as 5 times as --heartbeat-interval[100ms]",
    ],
    ["--election-timeout=50001", "--election-timeout[50001ms] is too long, and should be set less than 50000ms"],
    [
      "--listen-client-urls=http://example.com:1 --advertise-client-urls=http://a:1",
      "expected IP in URL for binding (http://example.com:1)",
    ],
    ["--listen-metrics-urls=http://example.com:1", "expected IP in URL for binding (http://example.com:1)"],
    [
      "--listen-client-urls=http://127.0.0.1:1",
      "--advertise-client-urls is required when --listen-client-urls is set explicitly",
    ],
    [
      "--listen-client-urls=http://127.0.0.1:1 --advertise-client-urls=http://127.0.0.1:1 --listen-client-http-urls=http://127.0.0.1:1",
      "cannot bind both --listen-client-urls and --listen-client-http-urls on the same url http://127.0.0.1:1",
    ],
    [
      "--initial-advertise-peer-urls=http://:1",
      '--initial-advertise-peer-urls "http://:1" must be "host:port" (unexpected empty host (http://:1))',
    ],
    [
      "--advertise-client-urls=http://:1",
      '--advertise-client-urls "http://:1" must be in the format "host:port", "unix:/path/to/socket" or "unixs:/path/to/socket" (unexpected empty host (http://:1))',
    ],
    ["--auto-compaction-mode=", "undefined auto-compaction-mode"],
    ["--auto-compaction-mode=weekly", 'unknown auto-compaction-mode "weekly"'],
    ["--auto-compaction-retention=soon", 'error parsing CompactionRetention: time: invalid duration "soon"'],
    ["--discovery-fallback=proxy", `v2 proxy is deprecated, and --discovery-fallback can't be configured as "proxy"`],
    ["--compact-hash-check-time=0s", "--compact-hash-check-time must be >0 (set to 0s)"],
    [
      "--feature-gates=LeaseCheckpointPersist=true",
      "enabling feature gate LeaseCheckpointPersist requires enabling feature gate LeaseCheckpoint",
    ],
    ["--logger=capnslog", "--logger=capnslog is removed in v3.5"],
    ["--logger=slog", 'unknown logger option "slog"'],
    ["--log-outputs=default,stdout", 'multi logoutput for "default" is not supported yet'],
    ["--enable-log-rotation", "--log-outputs requires a single file path when --log-rotate-config-json is defined"],
    [
      '--enable-log-rotation --log-outputs=/tmp/x --log-rotation-config-json={"maxsize":',
      'improperly formatted log rotation config: "{\\"maxsize\\":" is no JSON',
    ],
    [
      '--enable-log-rotation --log-outputs=/tmp/x --log-rotation-config-json={"maxsize":true}',
      "invalid log rotation config: maxsize must be an integer, not true",
    ],
    ["--log-level=loud", '--log-level "loud" is none of debug, info, warn, error, panic, fatal'],
    ["--log-format=xml", '--log-format "xml" is neither json nor console'],
    ["--tls-min-version=TLS1.3 --tls-max-version=TLS1.2", "min version (TLS1.3) is greater than max version (TLS1.2)"],
    ["--tls-min-version=TLS1.3 --cipher-suites=X", "cipher suites cannot be configured when only TLS1.3 is enabled"],
    ["--tls-min-version=SSL3", 'unexpected TLS version "SSL3" (must be one of: TLS1.2, TLS1.3)'],
    ["--cipher-suites=TLS_AES_128_GCM_SHA256,TLS_NOPE", 'unexpected TLS cipher suite "TLS_NOPE"'],
    ["--peer-cert-file=c", "KeyFile and CertFile must both be present[key: , cert: c]"],
    [
      "--listen-peer-urls=https://127.0.0.1:1",
      "TLS key/cert (--peer-cert-file, --peer-key-file) must be provided for peer url https://127.0.0.1:1 with HTTPS scheme",
    ],
    [
      "--peer-cert-file=c --peer-key-file=k --peer-client-cert-file=d",
      "ClientKeyFile and ClientCertFile must both be present or both absent: key: , cert: d]",
    ],
    [
      "--peer-auto-tls --peer-client-cert-auth",
      "--peer-client-cert-auth cannot be kept with --peer-auto-tls: nobody vouches for certificates that members make",
    ],
    [
      "--peer-auto-tls --peer-trusted-ca-file=ca",
      "--peer-trusted-ca-file cannot be kept with --peer-auto-tls: nobody vouches for certificates that members make",
    ],
    [
      "--key-file=k --listen-client-urls=https://127.0.0.1:1 --advertise-client-urls=https://a:1",
      "KeyFile and CertFile must both be present[key: k, cert: ]",
    ],
    [
      "--listen-client-urls=https://127.0.0.1:1 --advertise-client-urls=https://a:1",
      "TLS key/cert (--cert-file, --key-file) must be provided for client url https://127.0.0.1:1 with HTTPS scheme",
    ],
    [
      "--listen-client-urls=unixs:///s --advertise-client-urls=https://a:1",
      "TLS key/cert (--cert-file, --key-file) must be provided for client url unixs:///s with HTTPS scheme",
    ],
    [
      "--listen-client-http-urls=https://127.0.0.1:1",
      "TLS key/cert (--cert-file, --key-file) must be provided for client url https://127.0.0.1:1 with HTTPS scheme",
    ],
    [
      "--listen-metrics-urls=https://127.0.0.1:1",
      "client TLS key/cert (--cert-file, --key-file) must be provided for metrics secure url",
    ],
    ["--auto-tls --self-signed-cert-validity=0", "selfSignedCertValidity is invalid,it should be greater than 0"],
    [
      "--peer-cert-allowed-cn=a,b --peer-cert-allowed-hostname=c",
      'AllowedCNs and AllowedHostnames are mutually exclusive (cns=["a" "b"], hostnames=["c"])',
    ],
    ["--enable-distributed-tracing --distributed-tracing-sampling-rate=-1", "tracing sampling rate must be positive"],
    [
      "--enable-distributed-tracing --distributed-tracing-sampling-rate=1000001",
      "tracing sampling rate must be less than 1000000",
    ],
    [
      "--initial-cluster=a=nonsense",
      "error setting up initial cluster: URL scheme must be http, https, unix, or unixs: nonsense",
    ],
    ["--cors=nonsense", "--cors: URL scheme must be http, https, unix, or unixs: nonsense"],
  ];
  it.each(refused)("refuses %s", (flags, message) => {
    expect(failure(parse([NAMED, ...flags.split(" ")]))).toBe(`1 quorate: ${message}`);
  });

  it.each(["--discovery-token=x", "--discovery-endpoints=x"])("refuses %s rather than break its promise", (flag) => {
    expect(failure(parse([NAMED, flag]))).toContain(
      `1 quorate: ${flag.split("=")[0]} is not supported by this version of Quorate`,
    );
  });

  it("takes the files and rules of TLS towards clients", () => {
    const flags = ["--cert-file=c", "--key-file=k", "--trusted-ca-file=ca", "--client-cert-allowed-hostname=a,b"];
    const secure = ["--listen-client-urls=https://127.0.0.1:1", "--advertise-client-urls=https://a:1"];
    const config = configOf(parse([NAMED, ...flags, ...secure, "--client-crl-file=crl"]));

    expect(config.clientTls).toEqual({
      certFile: "c",
      keyFile: "k",
      selfSigned: undefined,
      trustedCaFile: "ca",
      crlFile: "crl",
      clientCertAuth: true,
      allowedCns: [],
      allowedHostnames: ["a", "b"],
      cipherSuites: [],
      minVersion: "TLS1.2",
      maxVersion: undefined,
    });
    // An authority has clients show certificates; only the flag makes their names those of users.
    expect(config.clientCertAuth).toBe(false);
    expect(configOf(parse([NAMED, ...flags, "--client-cert-auth"])).clientCertAuth).toBe(true);
    expect(configOf(parse([NAMED])).clientTls).toBeUndefined();
  });

  it("makes certificates for the hosts it listens on, unless some are given", () => {
    const urls = ["--listen-client-urls=https://127.0.0.1:1,https://[::1]:1", "--advertise-client-urls=https://a:1"];
    const automatic = ["--auto-tls", "--peer-auto-tls", "--data-dir=/d", "--self-signed-cert-validity=3"];
    const { clientTls, peerTls } = configOf(parse([NAMED, ...urls, ...automatic]));

    expect(clientTls).toMatchObject({
      certFile: "/d/fixtures/client/cert.pem",
      keyFile: "/d/fixtures/client/key.pem",
      selfSigned: { hosts: ["127.0.0.1", "::1"], validityYears: 3 },
      clientCertAuth: false,
    });
    expect(peerTls).toMatchObject({
      certFile: "/d/fixtures/peer/cert.pem",
      selfSigned: { hosts: ["localhost"], validityYears: 3 },
    });
    const given = parse([NAMED, ...urls, "--auto-tls", "--cert-file=c", "--key-file=k"]);
    expect(configOf(given).clientTls?.selfSigned).toBeUndefined();
    expect(noticesOf(given).map(({ message }) => message)).toEqual(["ignoring client auto TLS since certs given"]);
  });

  it("takes the files and rules of TLS between members", () => {
    const flags = [
      "--listen-peer-urls=https://127.0.0.1:1",
      "--peer-cert-file=c",
      "--peer-key-file=k",
      "--peer-trusted-ca-file=ca",
      "--peer-cert-allowed-cn=a,b",
      "--cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    ];

    expect(configOf(parse([NAMED, ...flags])).peerTls).toEqual({
      certFile: "c",
      keyFile: "k",
      selfSigned: undefined,
      clientCertFile: "c",
      clientKeyFile: "k",
      trustedCaFile: "ca",
      crlFile: undefined,
      clientCertAuth: true,
      allowedCns: ["a", "b"],
      allowedHostnames: [],
      skipClientSanVerification: false,
      cipherSuites: ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
      minVersion: "TLS1.2",
      maxVersion: undefined,
      serverName: undefined,
    });
    expect(configOf(parse([NAMED])).peerTls).toBeUndefined();
  });

  it("says where certificates are given and plain text is spoken", () => {
    const peer = ["--peer-cert-file=c", "--peer-key-file=k", "--peer-client-cert-auth"];
    const client = ["--advertise-client-urls=http://a:1", "--cert-file=c", "--key-file=k", "--client-cert-auth"];
    const warnings = (flags: readonly string[]): readonly unknown[] =>
      noticesOf(parse([NAMED, ...flags])).map(({ fields, message }) => [message, fields]);

    expect(warnings(["--listen-peer-urls=http://127.0.0.1:1", ...peer])).toEqual([
      [
        "scheme is HTTP while key and cert files are present; ignoring key and cert files",
        { "peer-url": "http://127.0.0.1:1" },
      ],
      [
        "scheme is HTTP while --peer-client-cert-auth is enabled; ignoring client cert auth for this URL",
        { "peer-url": "http://127.0.0.1:1" },
      ],
    ]);
    expect(warnings(["--listen-peer-urls=https://127.0.0.1:1", ...peer])).toEqual([]);
    expect(warnings(["--listen-client-urls=unix:///s,https://127.0.0.1:1", ...client])).toEqual([
      [
        "scheme is http or unix while key and cert files are present; ignoring key and cert files",
        { "client-url": "unix:///s" },
      ],
      [
        "scheme is http or unix while --client-cert-auth is enabled; ignoring client cert auth for this URL",
        { "client-url": "unix:///s" },
      ],
    ]);
  });

  it("looks for no certificate where every client URL is plain, as etcd", () => {
    const files = ["--cert-file=c", "--trusted-ca-file=ca"];

    expect(configOf(parse([NAMED, ...files])).clientTls).toBeUndefined();
    expect(noticesOf(parse([NAMED, ...files])).map(({ message }) => message)).toEqual([
      "scheme is http or unix while key and cert files are present; ignoring key and cert files",
    ]);
  });

  it("reports all problems at once", () => {
    const outcome = parse(["--heartbeat-interval=0", "--logger=x", "--peer-key-file=k"]);

    expect(outcome.kind === "stop" ? outcome.stderr.trim().split("\n").length : 0).toBe(3);
  });

  it("accepts refused flags at their defaults, silently", () => {
    const outcome = parse([
      NAMED,
      "--client-cert-auth=false",
      "--auth-token=simple",
      "--cert-file=",
      "--initial-cluster-state=new",
    ]);

    expect(noticesOf(outcome)).toEqual([]);
  });
});

describe("how users log in", () => {
  it("is read from its flags", () => {
    expect(configOf(parse([NAMED])).auth).toEqual({ token: "simple", simpleTokenTtlMs: 300_000, bcryptCost: 10 });
    const flags = ["--auth-token=jwt,sign-method=RS256,pub-key=a", "--auth-token-ttl=5", "--bcrypt-cost=4"];
    expect(configOf(parse([NAMED, ...flags])).auth).toEqual({
      token: "jwt,sign-method=RS256,pub-key=a",
      simpleTokenTtlMs: 5000,
      bcryptCost: 4,
    });
  });

  it.each(["3", "32", "0"])("has the default cost instead of %s, with a warning", (cost) => {
    const outcome = parse([NAMED, `--bcrypt-cost=${cost}`]);
    expect(configOf(outcome).auth.bcryptCost).toBe(10);
    expect(noticesOf(outcome).map(({ message }) => message)).toEqual([
      "use default bcrypt cost instead of the invalid given cost",
    ]);
  });
});

describe("accepted flags that do nothing", () => {
  it.each([
    ["--backend-bbolt-freelist-type=array", "flag has no meaning in Quorate and is ignored"],
    ["--memory-mlock", "flag has no meaning in Quorate and is ignored"],
    ["--v2-deprecation=gone", "flag has no meaning in Quorate and is ignored"],
    ["--socket-reuse-port", "flag is not supported yet and has no effect"],
  ])("warns once of %s", (flag, message) => {
    const notices = noticesOf(parse([NAMED, flag]));

    expect(notices.map((notice) => [notice.level, notice.message, notice.fields["flag"]])).toEqual([
      ["warn", message, flag.replace(/^--|=.*$/g, "")],
    ]);
  });

  it("says nothing of switching off what is not there", () => {
    expect(noticesOf(parse([NAMED, "--enable-distributed-tracing=false"]))).toEqual([]);
  });

  it("warns of extreme values", () => {
    const messages = noticesOf(parse(["--quota-backend-bytes=9000000000", "--max-request-bytes=20000000"])).map(
      (n) => n.message,
    );

    expect(messages).toEqual([
      "the member has the default name; set --name",
      "quota exceeds the recommended maximum",
      "request size limit exceeds the recommended maximum",
    ]);
  });
});

describe("resolved values", () => {
  it("has etcd's defaults", () => {
    expect(configOf(parse([]))).toMatchObject({
      configFile: undefined,
      name: "default",
      dataDir: "default.etcd",
      walDir: "default.etcd/member/wal",
      snapshotCount: 10000,
      heartbeatIntervalMs: 100,
      electionTimeoutMs: 1000,
      quotaBackendBytes: 2147483648,
      backendBatchIntervalMs: 100,
      backendBatchLimit: 10000,
      maxTxnOps: 128,
      maxRequestBytes: 1572864,
      maxConcurrentStreams: 4294967295,
      grpcKeepaliveMinTimeMs: 5000,
      grpcKeepaliveIntervalMs: 7_200_000,
      grpcKeepaliveTimeoutMs: 20_000,
      autoCompaction: { mode: "off" },
      compactionBatchLimit: 1000,
      compactionSleepIntervalMs: undefined,
      watchProgressNotifyIntervalMs: 600_000,
      warningApplyDurationMs: 100,
      warningUnaryRequestDurationMs: 300,
      log: { level: "info", format: "json", outputs: ["default"] },
      enablePprof: false,
      enableGrpcGateway: true,
      metrics: "basic",
      cors: ["*"],
      hostWhitelist: ["*"],
      initialCluster: [{ name: "default", peerUrls: [{ text: "http://localhost:2380" }] }],
    });
  });

  it("is frozen to the bottom", () => {
    const config = configOf(parse([]));

    expect(
      Object.isFrozen(config) && Object.isFrozen(config.listenClientUrls[0]) && Object.isFrozen(config.log.outputs),
    ).toBe(true);
  });

  it.each([
    ["--quota-backend-bytes=-1", { quotaBackendBytes: undefined }],
    ["--quota-backend-bytes=0x10", { quotaBackendBytes: 16 }],
    ["--snapshot-count=0", { snapshotCount: 10000 }],
    ["--auto-compaction-retention=5m", { autoCompaction: { mode: "periodic", periodMs: 300_000 } }],
    ["--auto-compaction-retention=1h30m", { autoCompaction: { mode: "periodic", periodMs: 5_400_000 } }],
    [
      "--auto-compaction-mode=revision --auto-compaction-retention=1000",
      { autoCompaction: { mode: "revision", revisions: 1000 } },
    ],
    ["--watch-progress-notify-interval=1ms", { watchProgressNotifyIntervalMs: 100 }],
    ["--warning-apply-duration=1.5s", { warningApplyDurationMs: 1500 }],
    ["--log-level=debug", { enablePprof: true }],
    ["--enable-grpc-gateway=false", { enableGrpcGateway: false }],
    ["--log-outputs=", { log: { level: "info", format: "json", outputs: ["default"] } }],
    ["--host-whitelist=", { hostWhitelist: [] }],
    ["--name=b --data-dir=/d --wal-dir=/w", { dataDir: "/d", walDir: "/w" }],
  ])("resolves %s", (flags, expected) => {
    expect(configOf(parse(flags.split(" ")))).toMatchObject(expected);
  });

  it("sorts URLs, drops repeats and splits them up", () => {
    const urls = configOf(
      parse([
        "--listen-client-urls=http://[::1]:2, unix:/run/q.sock,http://0.0.0.0:1,http://[::1]:2",
        "--advertise-client-urls=http://a:1",
      ]),
    ).listenClientUrls;

    expect(urls.map(({ text, host, port, socketPath }) => [text, host, port, socketPath])).toEqual([
      ["http://0.0.0.0:1", "0.0.0.0", 1, undefined],
      ["http://[::1]:2", "::1", 2, undefined],
      ["unix:/run/q.sock", "", 0, "/run/q.sock"],
    ]);
  });

  it("switches a whole stage of gates, but for those named", () => {
    const { featureGates } = configOf(
      parse(["--feature-gates=AllAlpha=true,LeaseCheckpointPersist=false,AllBeta=false"]),
    );

    expect(featureGates).toEqual({
      CompactHashCheck: true,
      FastLeaseKeepAlive: false,
      InitialCorruptCheck: true,
      LeaseCheckpoint: true,
      LeaseCheckpointPersist: false,
      PriorityRequest: true,
      SetMemberLocalAddr: true,
      StopGRPCServiceOnDefrag: true,
      TxnModeWriteWithSharedBuffer: false,
    });
  });
});

describe("bootstrapProblems", () => {
  const of = (...argv: string[]): readonly string[] => bootstrapProblems(configOf(parse(argv)));

  it("finds none in the defaults, nor in equal names and addresses", () => {
    expect(of()).toEqual([]);
    expect(of("--name=a", "--initial-cluster=a=http://127.0.0.1:2380")).toEqual([]);
    expect(of("--name=a", "--initial-advertise-peer-urls=http://10.0.0.1:2380")).toEqual([]);
  });

  it("names what does not fit", () => {
    expect(of("--name=a", "--initial-cluster=b=http://localhost:2380")).toEqual([
      `couldn't find local name "a" in the initial cluster configuration`,
    ]);
    expect(of("--name=a", "--initial-cluster=a=http://10.0.0.1:1")).toEqual([
      "--initial-cluster has a=http://10.0.0.1:1 but missing from --initial-advertise-peer-urls=http://localhost:2380",
    ]);
  });
});
