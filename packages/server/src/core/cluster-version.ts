/** `major.minor.patch`; what follows a hyphen or plus is not compared. */
export interface Version {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/** Cluster version where not every member's version is known. */
const LOWEST = "3.0.0";
const SEMVER = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;

/** Reads a version such as `3.7.1` or `3.5.0-rc.1`; undefined where the text is none. */
export function parseVersion(text: string): Version | undefined {
  const match = SEMVER.exec(text);
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]), patch: Number(match[3]) };
}

/** Negative, zero or positive as `a` is lower, equal or higher, of major and minor alone: what clusters go by. */
export function compareMinor(a: Version, b: Version): number {
  return a.major - b.major || a.minor - b.minor;
}

/** Whether a cluster version, undefined before it was decided, is `wanted` or higher. */
export function isAtLeast(text: string | undefined, wanted: string): boolean {
  const [version, least] = [text === undefined ? undefined : parseVersion(text), parseVersion(wanted)];
  return version !== undefined && least !== undefined && compareMinor(version, least) >= 0;
}

export interface ClusterVersionInput {
  /** The cluster version as it is; undefined before it was decided. */
  readonly current: string | undefined;
  /** The server version each member answered; undefined for one that did not. This member's own included. */
  readonly serverVersions: readonly (string | undefined)[];
  /** Target of the downgrade in progress, e.g. `3.6.0`; undefined if there is none. */
  readonly downgradeTarget?: string | undefined;
}

/**
 * The cluster version that the leader should propose, `major.minor.0`; undefined when it may stay as it is. It follows the lowest
 * server version and never falls but for a downgrade of one minor version. Peer protocol page, section 16.
 */
export function decideClusterVersion(input: ClusterVersionInput): string | undefined {
  const lowest = lowestVersion(input.serverVersions);
  const current = input.current === undefined ? undefined : parseVersion(input.current);
  if (current === undefined) return lowest === undefined ? LOWEST : clusterText(lowest);
  if (lowest === undefined) return undefined;
  if (input.downgradeTarget !== undefined) {
    const target = parseVersion(input.downgradeTarget);
    return target !== undefined && isOneBelow(target, current) && isOneBelow(target, lowest)
      ? clusterText(target)
      : undefined;
  }
  return current.major === lowest.major && compareMinor(current, lowest) < 0 ? clusterText(lowest) : undefined;
}

/** How members tell about themselves and set the cluster version: as requests of the v2 API, or as those of etcd 3.6. */
export type ClusterDialect = "v2" | "v3";

/** Where no version is decided yet: etcd sets the lowest one when it does not know better. */
const DECIDED_SINCE = "3.1.0";
const V3_DIALECT_SINCE = "3.6.0";

export interface DialectInput {
  /** The cluster version as far as any member knows it; undefined before it was decided. */
  readonly clusterVersion: string | undefined;
  /** The server version each member answered; undefined for one that did not. This member's own included. */
  readonly serverVersions: readonly (string | undefined)[];
  /** Whether to go by the members that answered: the others have been waited for long enough. */
  readonly isWaitOver: boolean;
}

/**
 * The dialect that all members understand; undefined when that cannot be said yet. A member of etcd 3.4 ends with a panic at the
 * newer requests and one of 3.7 at the older ones; 3.5 and 3.6 know both, 3.5 itself proposes the older ones. Peer protocol
 * page, section 12.2.
 */
export function decideDialect({
  clusterVersion,
  serverVersions,
  isWaitOver,
}: DialectInput): ClusterDialect | undefined {
  const known = serverVersions.filter((version) => version !== undefined);
  if (known.some((version) => !isAtLeast(version, V3_DIALECT_SINCE))) return "v2";
  if (known.length === serverVersions.length) return "v3";
  if (isAtLeast(clusterVersion, DECIDED_SINCE)) return isAtLeast(clusterVersion, V3_DIALECT_SINCE) ? "v3" : "v2";
  return isWaitOver ? "v3" : undefined;
}

/** `3.7.1` as a cluster version: `3.7.0`. */
export function clusterText({ major, minor }: Version): string {
  return `${major}.${minor}.0`;
}

const STORED_SINCE = "3.6.0";
/** What a store without a version of its own is taken for. */
const NOT_STORED = "3.5.0";

/** The schema that a member's store follows: the cluster's version from 3.6 on. Undefined before that is decided. */
export function storageVersionOf(clusterVersion: string | undefined): string | undefined {
  const version = clusterVersion === undefined ? undefined : parseVersion(clusterVersion);
  if (version === undefined) return undefined;
  return isAtLeast(clusterVersion, STORED_SINCE) ? clusterText(version) : NOT_STORED;
}

/** What a member that wants to join must know of the others. */
export interface JoinInput {
  /** This member's server version. */
  readonly own: string;
  /** The cluster version each of the others answered; undefined or unreadable where there is none yet. */
  readonly clusterVersions: readonly (string | undefined)[];
  readonly downgradeEnabled: boolean;
}

/**
 * Whether a member of version `own` may join: every known cluster version lies within what it can speak, and one is known. Peer
 * protocol page, section 9.
 */
export function canJoin(input: JoinInput): boolean {
  const own = parseVersion(input.own);
  if (own === undefined) return false;
  const highest = input.downgradeEnabled ? { ...own, minor: own.minor + 1 } : own;
  const lowest = input.downgradeEnabled ? highest : { major: 3, minor: 0, patch: 0 };
  const known = input.clusterVersions.flatMap((text) => (text === undefined ? [] : (parseVersion(text) ?? [])));
  return (
    known.length > 0 &&
    known.every((version) => compareMinor(version, lowest) >= 0 && compareMinor(version, highest) <= 0)
  );
}

function lowestVersion(texts: readonly (string | undefined)[]): Version | undefined {
  let lowest: Version | undefined;
  for (const text of texts) {
    const version = text === undefined ? undefined : parseVersion(text);
    if (version === undefined) return undefined;
    if (lowest === undefined || compareMinor(version, lowest) < 0) lowest = version;
  }
  return lowest;
}

/** Whether `lower` is the version one minor below `upper`. */
export function isOneBelow(lower: Version, upper: Version): boolean {
  return lower.major === upper.major && lower.minor + 1 === upper.minor;
}
