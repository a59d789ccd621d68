import { describe, expect, it } from "@jest/globals";
import { utf8Bytes, utf8Text } from "@quorate/base";
import { MapBackend } from "@quorate/mvcc/testing";
import {
  downgradeProblem,
  isDowngradeComplete,
  Membership,
  NO_DOWNGRADE,
  parseDowngradeTarget,
  storageVersionOf,
} from "@quorate/server/core";

describe("a downgrade", () => {
  it("has a target of two or three numbers", () => {
    expect(["3.6", "3.6.0", "3.6.9", "3.6.1-rc.0"].map(parseDowngradeTarget)).toEqual(Array(4).fill("3.6.0"));
    expect(["", "3", "v3.6", "3.6.x", "3.6.0.0", "six"].map(parseDowngradeTarget)).toEqual(Array(6).fill(undefined));
  });

  it("goes down by one minor version, once at a time, and not where members do not know of downgrades", () => {
    const problem = (target: string, clusterVersion: string | undefined, current = NO_DOWNGRADE): unknown =>
      downgradeProblem({ target, clusterVersion, current });

    expect(problem("3.6.0", "3.7.0")).toBeUndefined();
    expect(problem("3.4.0", "3.5.0")).toBeUndefined();
    expect(problem("3.6.0", undefined)).toBe("clusterVersionUnavailable");
    for (const target of ["3.5.0", "3.7.0", "3.8.0", "2.6.0"]) {
      expect(problem(target, "3.7.0")).toBe("invalidDowngradeTargetVersion");
    }
    expect(problem("3.3.0", "3.4.0")).toBe("invalidDowngradeTargetVersion");
    expect(problem("3.6.0", "3.7.0", { enabled: true, targetVersion: "3.6.0" })).toBe("downgradeInProcess");
    expect(problem("3.5.0", "3.7.0", { enabled: true, targetVersion: "3.6.0" })).toBe("invalidDowngradeTargetVersion");
  });

  it("is over when every member has arrived", () => {
    expect(isDowngradeComplete("3.6.0", ["3.6.4", "3.6.0"])).toBe(true);
    expect(isDowngradeComplete("3.6.0", ["3.6.4", "3.7.1"])).toBe(false);
    expect(isDowngradeComplete("3.6.0", ["3.6.4", undefined])).toBe(false);
    expect(isDowngradeComplete("none", [])).toBe(false);
  });

  it("is recorded as etcd records it", () => {
    const backend = new MapBackend();
    const record = (): string => utf8Text(backend.get("cluster", utf8Bytes("downgrade")) ?? new Uint8Array(0));
    const membership = new Membership(backend);
    expect(membership.downgrade).toEqual(NO_DOWNGRADE);

    membership.setDowngrade(true, "3.6.0");
    expect(record()).toBe('{"target-version":"3.6.0","enabled":true}');
    expect(new Membership(backend).downgrade).toEqual({ enabled: true, targetVersion: "3.6.0" });
    membership.setDowngrade(false, "3.6.0");
    expect(record()).toBe('{"target-version":"","enabled":false}');
    expect(new Membership(backend).downgrade).toEqual(NO_DOWNGRADE);
    backend.put("cluster", utf8Bytes("downgrade"), utf8Bytes("not JSON"));
    expect(new Membership(backend).downgrade).toEqual(NO_DOWNGRADE);
  });
});

describe("the version of what is stored", () => {
  it("follows the cluster's from 3.6 on", () => {
    expect([undefined, "3.0.0", "3.5.0", "3.6.0", "3.7.0"].map(storageVersionOf)).toEqual([
      undefined,
      "3.5.0",
      "3.5.0",
      "3.6.0",
      "3.7.0",
    ]);
  });
});
