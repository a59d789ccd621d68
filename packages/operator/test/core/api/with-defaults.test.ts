import { describe, expect, it } from "@jest/globals";
import { type EtcdClusterSpec, type EtcdClusterSpecInput, withDefaults } from "../../../src/core/index.ts";

/** Fails to compile unless both are the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

const shortest = { apiVersion: "etcd.quorate.dev/v1alpha1", kind: "EtcdCluster", metadata: { name: "store" } };

describe("the types inferred from the schema", () => {
  it("tell what is always there, what may be absent and what a user may leave out", () => {
    const replicasIsThere: Same<EtcdClusterSpec["replicas"], number> = true;
    const replicasMayBeLeftOut: Same<EtcdClusterSpecInput["replicas"], number | undefined> = true;
    const versionMayBeAbsent: Same<EtcdClusterSpec["version"], string | undefined> = true;
    const enumIsClosed: Same<EtcdClusterSpec["tls"]["peer"]["mode"], "Auto" | "Disabled"> = true;

    expect([replicasIsThere, replicasMayBeLeftOut, versionMayBeAbsent, enumIsClosed]).not.toContain(false);
  });
});

describe("withDefaults", () => {
  it("fills a cluster that says nothing", () => {
    const { spec } = withDefaults(shortest);

    expect(spec.replicas).toBe(3);
    expect(spec.storage).toMatchObject({ size: "8Gi", whenScaled: "Delete", whenDeleted: "Retain" });
    expect(spec.config.autoCompaction).toEqual({ mode: "Periodic", retention: "8h" });
    expect(spec.resources.requests).toEqual({ cpu: "100m", memory: "256Mi" });
    expect(spec.maintenance.defragmentation.schedule).toBe("@daily");
    expect(spec).not.toHaveProperty("backup");
    expect(spec.maintenance).not.toHaveProperty("window");
  });

  it("keeps what is there, and fills what is inside of it", () => {
    const { spec } = withDefaults({
      ...shortest,
      spec: {
        replicas: 0,
        resources: { requests: { cpu: 1 } },
        maintenance: { window: { schedule: "0 3 * * *", duration: "2h" } },
      },
    });

    expect(spec.replicas).toBe(0);
    expect(spec.resources).toEqual({ requests: { cpu: 1 }, limits: {} });
    expect(spec.maintenance.window).toEqual({ schedule: "0 3 * * *", duration: "2h", timeZone: "UTC" });
  });
});
