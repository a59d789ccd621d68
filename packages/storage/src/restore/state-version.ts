import { bytesFromLatin1, latin1FromBytes } from "@quorate/base";
import type { BboltReader } from "../bbolt/bbolt-reader.ts";
import { MetaKey } from "../snapshot/etcd-records.ts";
import { StorageError } from "../storage-error.ts";

/** Versions of etcd whose databases are understood. */
const OLDEST: Version = { major: 3, minor: 4 };
const NEWEST: Version = { major: 3, minor: 7 };
const CLUSTER_VERSION = bytesFromLatin1("clusterVersion");

interface Version {
  readonly major: number;
  readonly minor: number;
}

/**
 * Refuses a database that a newer etcd has written, or one before 3.4, by what it says of its storage version and of the version
 * of its cluster. Throws StorageError `newerFormat` or `foreign`.
 */
export function checkStateVersion(path: string, reader: BboltReader): void {
  for (const [bucketName, key] of [
    ["meta", MetaKey.StorageVersion],
    ["cluster", CLUSTER_VERSION],
  ] as const) {
    const bucket = reader.bucket(bucketName);
    const stored = bucket === undefined ? undefined : reader.get(bucket, key);
    if (stored === undefined) continue;
    const text = latin1FromBytes(stored);
    const version = parse(text);
    if (version === undefined || isBefore(version, OLDEST)) {
      throw new StorageError("foreign", `a database of etcd version ${JSON.stringify(text)}`, {
        file: path,
        remedy: `upgrade it with etcd to ${OLDEST.major}.${OLDEST.minor} at least`,
      });
    }
    if (isBefore(NEWEST, version)) {
      throw new StorageError("newerFormat", `a database of etcd ${version.major}.${version.minor}`, {
        file: path,
        remedy: `take a newer release; this one knows etcd's up to ${NEWEST.major}.${NEWEST.minor}`,
      });
    }
  }
}

function parse(text: string): Version | undefined {
  const match = /^(\d{1,9})\.(\d{1,9})\.\d{1,9}/.exec(text);
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) };
}

function isBefore(a: Version, b: Version): boolean {
  return a.major < b.major || (a.major === b.major && a.minor < b.minor);
}
