import type { ClusterSettings } from "./cluster-settings.ts";

/**
 * Hash of what a Pod is replaced for: a Pod with another one is out of date. It is taken of what the spec asks and not of the Pod made
 * from it, so that a new release of the operator, which may word Pods differently or bring another image for the init container, replaces
 * nothing. A field added later goes in only where it differs from its default, for the same reason.
 */
export function templateHash(settings: ClusterSettings): string {
  return fingerprint(rolledFields(settings));
}

function rolledFields({ spec, image, command, clusterDomain }: ClusterSettings): object {
  const { scheduling, podTemplate, tls, metrics, storage } = spec;
  const { labels: _labels, annotations: _annotations, ...pod } = podTemplate;
  return {
    image,
    command,
    pullPolicy: spec.image.pullPolicy,
    pullSecrets: spec.image.pullSecrets,
    medium: storage.medium,
    resources: spec.resources,
    config: spec.config,
    tls: { peer: tls.peer.mode, client: tls.client.mode, clientAuth: tls.client.clientAuth },
    scheduling: {
      ...scheduling,
      // Wishes that the scheduler may ignore are no reason to move a member.
      antiAffinity: scheduling.antiAffinity === "Required",
      zoneSpread: scheduling.zoneSpread === "Required",
    },
    pod,
    metrics: { port: metrics.port, level: metrics.level },
    clusterDomain,
  };
}

const { imul } = Math;

/** FNV-1a's beginning, and its prime without its highest bit, which is 2^40: halves of 32 bits are many times faster than a bigint. */
const FNV_OFFSET_HIGH = 0xcbf29ce4;
const FNV_OFFSET_LOW = 0x84222325;
const FNV_PRIME_LOW = 0x1b3;

/** Sixteen hexadecimal digits that depend on a JSON value alone, not on the order of its keys. FNV-1a: nobody is to be kept out by it. */
export function fingerprint(value: unknown): string {
  const text = sortedJson(value);
  let high = FNV_OFFSET_HIGH;
  let low = FNV_OFFSET_LOW;
  for (let at = 0; at < text.length; ) {
    const character = text.codePointAt(at) ?? 0;
    at += character > 0xffff ? 2 : 1;
    const mixed = (low ^ character) >>> 0;
    const product = mixed * FNV_PRIME_LOW;
    // Everything beyond 32 bits falls off the high half.
    low = product >>> 0;
    high = (imul(high, FNV_PRIME_LOW) + (product - low) / 0x1_0000_0000 + (mixed << 8)) >>> 0;
  }
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}

/** JSON with the keys of every object in order; written out, since a replacer would make every object anew. */
function sortedJson(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(sortedJson).join(",")}]`;
  const fields = value as Readonly<Record<string, unknown>>;
  const keys = Object.keys(fields).filter((key) => fields[key] !== undefined);
  return `{${keys
    .sort()
    .map((key) => `${JSON.stringify(key)}:${sortedJson(fields[key])}`)
    .join(",")}}`;
}
