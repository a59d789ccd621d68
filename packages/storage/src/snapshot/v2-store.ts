import { utf8Bytes } from "@quorate/base";

/** A member as the old store describes it. */
export interface V2Member {
  readonly id: bigint;
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

/** What the old store is used for to this day. */
export interface V2StoreContent {
  readonly members: readonly V2Member[];
  /** IDs of members that were removed. */
  readonly removed: readonly bigint[];
  /** `major.minor.patch`; undefined while it is not decided. */
  readonly clusterVersion: string | undefined;
}

/** A directory of the old store, by the names in it; a text is a file's. */
interface Directory {
  readonly [name: string]: Directory | string;
}

/** A node as the store's dump has it: a directory has children, a file has none. */
interface Dumped {
  readonly Path: string;
  readonly Value?: string;
  readonly Children?: Record<string, Dumped>;
}

/**
 * The store of etcd's first interface, as JSON: what the data of a raft snapshot consists of for releases up to 3.6, which take the
 * membership from it (3.4) or at least want to read it. Releases from 3.7 on pass over it. Source: etcd server/etcdserver/api/
 * v2store store.go, membership/storev2.go; file formats page, section 5.
 */
export function encodeV2Store({ members, removed, clusterVersion }: V2StoreContent): Uint8Array {
  const root = {
    "0": {
      members: Object.fromEntries(members.map((member) => [member.id.toString(16), memberDirectory(member)])),
      ...(removed.length === 0
        ? {}
        : { removed_members: Object.fromEntries(removed.map((id) => [id.toString(16), ""])) }),
      ...(clusterVersion === undefined ? {} : { version: clusterVersion }),
    },
    "1": {},
  };
  return utf8Bytes(JSON.stringify({ Root: dumped("/", root), CurrentIndex: members.length, CurrentVersion: 2 }));
}

/** A member that never started has published nothing. */
function memberDirectory({ name, peerUrls, clientUrls, isLearner }: V2Member): Directory {
  const raftAttributes = JSON.stringify({ peerURLs: peerUrls, ...(isLearner ? { isLearner } : {}) });
  if (name === "" && clientUrls.length === 0) return { raftAttributes };
  const attributes = {
    ...(name === "" ? {} : { name }),
    ...(clientUrls.length === 0 ? {} : { clientURLs: clientUrls }),
  };
  return { raftAttributes, attributes: JSON.stringify(attributes) };
}

function dumped(path: string, content: Directory | string): Dumped {
  if (typeof content === "string") return { Path: path, Value: content };
  const children = Object.entries(content).map(([name, child]): [string, Dumped] => [
    name,
    dumped(path === "/" ? `/${name}` : `${path}/${name}`, child),
  ]);
  return { Path: path, Children: Object.fromEntries(children) };
}
