import type { Facts } from "../facts/facts.ts";
import { type Refusal, refuse } from "./gate.ts";

interface Version {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

export function parseVersion(text: string): Version | undefined {
  const match = /^v?([0-9]+)\.([0-9]+)\.([0-9]+)/.exec(text);
  if (match === null) return undefined;
  return { major: Number(match[1]), minor: Number(match[2]), patch: Number(match[3]) };
}

/** Negative if `a` is older than `b`. */
export function compareVersions(a: Version, b: Version): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch;
}

/**
 * The way from what runs to what is wanted: the same minor version, or the next one once every member runs the present one. Never back to an
 * older minor version: the data may have moved on. What runs is what the Pod was made for, not what the server says of itself: that may be the
 * version of a protocol. A version that cannot be read is no obstacle.
 */
export function versionPath(facts: Facts): Refusal | undefined {
  const wanted = parseVersion(facts.world.wanted.version);
  if (wanted === undefined) return undefined;
  for (const member of facts.members) {
    const running = parseVersion(member.object.spec.version ?? "");
    if (running === undefined || member.entry === undefined || member.pod === undefined) continue;
    const isNear = running.major === wanted.major && wanted.minor >= running.minor && wanted.minor <= running.minor + 1;
    if (!isNear) return path(member.object.spec.version ?? "", facts);
  }
  return undefined;
}

function path(running: string, facts: Facts): Refusal {
  return refuse(
    "VersionPath",
    `there is no way from version ${running} to ${facts.world.wanted.version}: at most the next minor version, never back`,
  );
}
