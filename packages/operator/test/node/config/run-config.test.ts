import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { clusterDomainOf, flagHelp, parseRunConfig, RUN_FLAGS } from "../../../src/node/config/index.ts";

const IMAGE = "--operator-image=registry.example/quorate-operator:1";

describe("the operator's configuration", () => {
  it("takes flags in both forms and durations as text", () => {
    const outcome = parseRunConfig(
      [
        IMAGE,
        "--namespaces",
        "a, b",
        "--lease-duration=1m30s",
        "--read-nodes=false",
        "--listen",
        "[::1]:9",
        "--resync=1h",
      ],
      {},
    );

    expect(outcome).toMatchObject({
      kind: "config",
      config: {
        namespaces: ["a", "b"],
        leaseDurationMs: 90_000,
        canReadNodes: false,
        canReadStorageClasses: true,
        listenHost: "::1",
        listenPort: 9,
        resyncMs: 3_600_000,
        mustElect: true,
      },
    });
  });

  it("reads the environment, and flags win over it", () => {
    const outcome = parseRunConfig(["--max-concurrent-reconciles=7"], {
      QUORATE_OPERATOR_OPERATOR_IMAGE: "i",
      QUORATE_OPERATOR_MAX_CONCURRENT_RECONCILES: "3",
      QUORATE_OPERATOR_LEADER_ELECT: "false",
      // What Kubernetes adds for a Service of the program's name.
      QUORATE_OPERATOR_SERVICE_HOST: "10.0.0.1",
      QUORATE_OPERATOR_SERVICE_PORT_METRICS: "8080",
      QUORATE_OPERATOR_PORT: "tcp://10.0.0.1:8080",
      QUORATE_OPERATOR_PORT_8080_TCP_ADDR: "10.0.0.1",
    });

    expect(outcome).toMatchObject({ config: { operatorImage: "i", concurrency: 7, mustElect: false } });
  });

  it("tells everything that is wrong at once, with the nearest known name", () => {
    const outcome = parseRunConfig(
      ["--name-spaces=a", "--lease-duration=1s", "--log-level=loud", "--listen=here", "stray", "--resync"],
      { QUORATE_OPERATOR_RESINK: "1m" },
    );

    expect(outcome).toEqual({
      kind: "problems",
      problems: [
        "unknown environment variable QUORATE_OPERATOR_RESINK; did you mean QUORATE_OPERATOR_RESYNC?",
        "unknown flag --name-spaces; did you mean --namespaces?",
        "--lease-duration: '1s' is not between 3000 ms and 600000 ms",
        "--log-level: 'loud' is none of debug, info, warn, error",
        "'stray' is not understood: there are only flags here",
        "--resync needs a value",
        "--listen: 'here' is no host:port",
        "--operator-image is required",
      ],
    });
  });

  it("has a help that names every flag, its variable and its default", () => {
    const help = flagHelp(RUN_FLAGS, "P_");

    for (const { name, usage } of RUN_FLAGS) {
      expect(help).toContain(`--${name}`);
      expect(help).toContain(usage);
    }
    expect(help).toContain("P_LEASE_DURATION");
    expect(help).toContain("(default 15s)");
  });

  it("defaults to the version that the server of this release says it is", () => {
    const server = join(import.meta.dirname, "../../../../server/src/core/version.ts");
    const version = /ETCD_VERSION = "(?<version>[^"]+)"/.exec(readFileSync(server, "utf8"))?.groups?.["version"];

    expect(parseRunConfig([IMAGE], {})).toMatchObject({ config: { defaultServerVersion: version } });
  });
});

describe("the cluster's domain", () => {
  it.each([
    ["search ops.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.0.0.10\n", "cluster.local"],
    ["nameserver 10.0.0.10\nsearch ops.svc.k8s.example.org. svc.k8s.example.org. example.org\n", "k8s.example.org"],
    ["search example.org\nnameserver 10.0.0.10\n", "cluster.local"],
    ["", "cluster.local"],
  ])("is found in %j", (text, domain) => {
    expect(clusterDomainOf(text)).toBe(domain);
  });
});
