import { describe, expect, it } from "@jest/globals";
import { canJoin, decideClusterVersion, decideDialect, parseVersion } from "@quorate/server/core";

describe("the cluster version", () => {
  it.each<[string | undefined, readonly (string | undefined)[], string | undefined]>([
    [undefined, ["3.7.1"], "3.7.0"],
    [undefined, ["3.7.1", "3.4.23", "3.5.30"], "3.4.0"],
    [undefined, ["3.7.1", undefined], "3.0.0"],
    [undefined, ["3.7.1", "unknown"], "3.0.0"],
    ["3.0.0", ["3.7.1", "3.5.30"], "3.5.0"],
    ["3.4.0", ["3.7.1", "3.5.30"], "3.5.0"],
    ["3.5.0", ["3.7.1", "3.5.30"], undefined],
    ["3.5.0", ["3.7.1", undefined], undefined],
    ["3.7.0", ["3.7.1", "3.5.30"], undefined],
    ["3.7.0", ["4.0.0"], undefined],
    ["3.9.0", ["3.10.0"], "3.10.0"],
    ["3.6.0", ["3.7.0-rc.1+build"], "3.7.0"],
  ])("is, from %s with members of %s, to become %s", (current, serverVersions, decided) => {
    expect(decideClusterVersion({ current, serverVersions })).toBe(decided);
  });

  it.each<[string, string, readonly (string | undefined)[], string | undefined]>([
    ["3.6.0", "3.7.0", ["3.7.1", "3.7.0"], "3.6.0"],
    ["3.6.0", "3.6.0", ["3.6.1", "3.7.0"], undefined],
    ["3.5.0", "3.7.0", ["3.7.1"], undefined],
    ["3.6.0", "3.7.0", ["3.8.0"], undefined],
    ["3.6.0", "3.7.0", ["3.7.1", undefined], undefined],
  ])(
    "follows a downgrade to %s, from %s with members of %s: %s",
    (downgradeTarget, current, serverVersions, decided) => {
      expect(decideClusterVersion({ current, serverVersions, downgradeTarget })).toBe(decided);
    },
  );

  it("is joined when it is known and not above one's own", () => {
    const joins = (clusterVersions: readonly (string | undefined)[], downgradeEnabled = false): boolean =>
      canJoin({ own: "3.7.1", clusterVersions, downgradeEnabled });

    expect(joins(["3.7.0", "3.4.0", "not_decided", undefined])).toBe(true);
    expect(joins(["3.7.0", "3.8.0"])).toBe(false);
    expect(joins(["2.3.0", "3.7.0"])).toBe(false);
    expect(joins(["not_decided", undefined])).toBe(false);
    expect(joins([])).toBe(false);
    expect(joins(["3.8.0"], true)).toBe(true);
    expect(joins(["3.7.0"], true)).toBe(false);
  });

  it("is written as three numbers", () => {
    expect(parseVersion("3.10.2-alpha.1")).toEqual({ major: 3, minor: 10, patch: 2 });
    for (const wrong of ["", "3", "3.7", "v3.7.1", "3.7.x", "not_decided", "3.7.1 "]) {
      expect({ wrong, version: parseVersion(wrong) }).toEqual({ wrong, version: undefined });
    }
  });
});

describe("decideDialect", () => {
  const decide = (clusterVersion: string | undefined, versions: (string | undefined)[], isWaitOver = false): unknown =>
    decideDialect({ clusterVersion, serverVersions: versions, isWaitOver });

  it("goes by the oldest member, as far as all are known", () => {
    expect(decide(undefined, ["3.7.1"])).toBe("v3");
    expect(decide(undefined, ["3.7.1", "3.6.4", "3.7.1"])).toBe("v3");
    expect(decide("3.5.0", ["3.7.1", "3.7.1", "3.6.4"])).toBe("v3");
    expect(decide(undefined, ["3.7.1", "3.5.30", "3.7.1"])).toBe("v2");
    expect(decide("3.4.0", ["3.7.1", "3.4.23", undefined])).toBe("v2");
  });

  it("asks the cluster version where a member does not answer, and waits for it while there is none", () => {
    expect(decide("3.4.0", ["3.7.1", undefined, "3.7.1"])).toBe("v2");
    expect(decide("3.6.0", ["3.7.1", undefined, "3.7.1"])).toBe("v3");
    for (const undecided of [undefined, "3.0.0", "not_decided"]) {
      expect(decide(undecided, ["3.7.1", undefined, "3.7.1"])).toBeUndefined();
      expect(decide(undecided, ["3.7.1", undefined, "3.7.1"], true)).toBe("v3");
    }
  });
});
