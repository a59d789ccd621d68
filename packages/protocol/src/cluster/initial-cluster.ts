import { type EndpointUrl, type ParsedUrls, parseUrls } from "./endpoint-url.ts";

/** One member of `--initial-cluster`. */
export interface InitialMember {
  readonly name: string;
  /** Sorted as etcd sorts them before it hashes them. */
  readonly peerUrls: readonly EndpointUrl[];
}

/** What a member is told of the cluster that it founds or joins. */
export interface ClusterStart {
  readonly name: string;
  readonly initialCluster: readonly InitialMember[];
  readonly initialClusterState: "new" | "existing";
  readonly initialAdvertisePeerUrls: readonly EndpointUrl[];
}

/** Reads `name=url,name=url`; a name given several times has several URLs. Members are sorted by name. */
export function parseInitialCluster(text: string): ParsedUrls<readonly InitialMember[]> {
  const urlsByName = new Map<string, string[]>();
  for (const part of text.split(",")) {
    if (part === "") continue;
    const split = part.indexOf("=");
    const name = split < 0 ? part : part.slice(0, split);
    const urls = urlsByName.get(name) ?? [];
    urls.push(split < 0 ? "" : part.slice(split + 1));
    urlsByName.set(name, urls);
  }
  const members: InitialMember[] = [];
  for (const [name, urls] of [...urlsByName].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const parsed = parseUrls(urls.join(","));
    if ("error" in parsed) return { error: `error setting up initial cluster: ${parsed.error}` };
    members.push({ name, peerUrls: parsed.value });
  }
  return { value: members };
}

/**
 * What keeps a member without data from starting, in etcd's words; empty when nothing does. A member that has
 * data ignores the flags concerned, so ask only when the data directory is empty. `comparable` gives equal texts for equal URLs.
 */
export function bootstrapProblems(
  config: ClusterStart,
  comparable: (url: EndpointUrl) => string = comparableText,
): readonly string[] {
  const local = config.initialCluster.find((member) => member.name === config.name);
  if (config.initialCluster.length === 0) return ["initial cluster unset and no discovery endpoints found"];
  if (local === undefined) {
    return [`couldn't find local name ${JSON.stringify(config.name)} in the initial cluster configuration`];
  }
  const map = config.initialCluster
    .flatMap((member) => member.peerUrls.map((url) => `${member.name}=${url.text}`))
    .sort()
    .join(",");
  const urls = config.initialCluster.flatMap((member) => member.peerUrls.map(comparable));
  if (new Set(urls).size < urls.length) return [`initial cluster ${map} has duplicate url`];
  // The cluster that it joins has been told its URLs already.
  if (config.initialClusterState === "existing") return [];
  const advertised = config.initialAdvertisePeerUrls.map(comparable);
  const listed = local.peerUrls.map(comparable);
  if (advertised.every((url) => listed.includes(url)) && listed.every((url) => advertised.includes(url))) return [];
  const shown = config.initialAdvertisePeerUrls.map((url) => url.text).join(",");
  return [`--initial-cluster has ${map} but missing from --initial-advertise-peer-urls=${shown}`];
}

/** etcd compares addresses, not names; of names only this one is resolved here. */
function comparableText(url: EndpointUrl): string {
  const host = url.host === "localhost" ? "127.0.0.1" : url.host;
  return `${url.scheme}|${host}|${url.port}|${url.socketPath ?? ""}`;
}
