import type { Destination } from "../api/index.ts";

/** A bucket of an S3-compatible store. */
export type S3Destination = NonNullable<Destination["s3"]>;

/** Where an artifact is, for people: the URL of an object, or a path in a claim. */
export function locationOf(destination: Destination, key: string): string {
  if (destination.s3 !== undefined) return `s3://${destination.s3.bucket}/${keyInBucket(destination.s3, key)}`;
  const { claimName = "", subPath } = destination.pvc ?? {};
  return `pvc://${claimName}/${subPath === undefined ? key : `${subPath}/${key}`}`;
}

/** The key that the store knows an artifact by: what is written in statuses and manifests is relative to the destination. */
export function keyInBucket({ prefix = "" }: S3Destination, key: string): string {
  const folder = prefix.replace(/\/+$/, "");
  return folder === "" ? key : `${folder}/${key}`;
}

/** Two destinations with the same identity are the same place, whatever credentials they are reached with. */
export function destinationIdentity({ s3, pvc }: Destination): string {
  if (s3 !== undefined) {
    return JSON.stringify(["s3", s3.endpoint ?? `aws:${s3.region}`, s3.bucket, (s3.prefix ?? "").replace(/\/+$/, "")]);
  }
  return JSON.stringify(["pvc", pvc?.claimName ?? "", pvc?.subPath ?? ""]);
}
