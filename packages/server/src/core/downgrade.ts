import type { ErrorCode } from "@quorate/protocol";
import { clusterText, compareMinor, isOneBelow, parseVersion } from "./cluster-version.ts";

/** Whether the cluster is on its way to an older version, and to which. */
export interface DowngradeInfo {
  readonly enabled: boolean;
  /** Such as `3.6.0`; empty when not enabled. */
  readonly targetVersion: string;
}

export const NO_DOWNGRADE: DowngradeInfo = { enabled: false, targetVersion: "" };

/** Members older than this end with a panic when a downgrade is recorded. */
const RECORDED_SINCE = { major: 3, minor: 5, patch: 0 };

/** Reads what a client calls its target, `3.6` or `3.6.1`, as a cluster version, `3.6.0`; undefined if it is none. */
export function parseDowngradeTarget(text: string): string | undefined {
  const version = parseVersion(text) ?? parseVersion(`${text}.0`);
  return version === undefined ? undefined : clusterText(version);
}

export interface DowngradeInput {
  readonly target: string;
  /** As of now, linearizably. */
  readonly clusterVersion: string | undefined;
  readonly current: DowngradeInfo;
}

/**
 * Why the cluster cannot be taken down to `target`; undefined if it can: one minor version at a time, and one downgrade. gRPC API
 * page, section 9.4. Clusters that have members which do not know of downgrades are refused too.
 */
export function downgradeProblem({ target, clusterVersion, current }: DowngradeInput): ErrorCode | undefined {
  const [from, to] = [clusterVersion, target].map((text) => (text === undefined ? undefined : parseVersion(text)));
  if (from === undefined) return "clusterVersionUnavailable";
  if (to === undefined || !isOneBelow(to, from) || compareMinor(from, RECORDED_SINCE) < 0) {
    return "invalidDowngradeTargetVersion";
  }
  return current.enabled ? "downgradeInProcess" : undefined;
}

/** Whether every member has arrived at the target: the downgrade is over. */
export function isDowngradeComplete(target: string, serverVersions: readonly (string | undefined)[]): boolean {
  const wanted = parseVersion(target);
  if (wanted === undefined) return false;
  return serverVersions.every((text) => {
    const version = text === undefined ? undefined : parseVersion(text);
    return version !== undefined && compareMinor(version, wanted) === 0;
  });
}

/** How the record is kept in the `cluster` bucket. File formats page, section 2.3. */
export function downgradeJson({ enabled, targetVersion }: DowngradeInfo): string {
  return JSON.stringify({ "target-version": targetVersion, enabled });
}

/** Reads such a record; what is not readable is taken for none. */
export function parseDowngradeJson(text: string): DowngradeInfo {
  try {
    const parsed = JSON.parse(text) as { readonly "target-version"?: unknown; readonly enabled?: unknown } | null;
    const target = parsed?.["target-version"];
    return parsed?.enabled === true && typeof target === "string"
      ? { enabled: true, targetVersion: target }
      : NO_DOWNGRADE;
  } catch {
    return NO_DOWNGRADE;
  }
}
