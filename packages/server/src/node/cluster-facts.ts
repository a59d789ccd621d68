import {
  createClusterMemberAttrSetRequest,
  createClusterVersionSetRequest,
  createMemberAttributes,
  type ErrorCode,
  encodeClusterMemberAttrSetRequest,
  encodeClusterVersionSetRequest,
} from "@quorate/protocol";
import {
  type ApplyResult,
  type ClusterDialect,
  type ClusterMember,
  decideDialect,
  isAtLeast,
  LEGACY_VERSION_PATH,
  legacyAttributes,
  legacyAttributesPath,
  RequestKind,
} from "../core/index.ts";
import type { PeerVersions } from "./peer/index.ts";

/** Members that do not answer are waited for so long, once, where nothing else tells what they understand. */
const UNKNOWN_MEMBERS_WAIT_MS = 5000;

export interface ClusterFactsDeps {
  readonly memberId: bigint;
  readonly ownVersion: string;
  /** The cluster version as applied here; undefined before it was decided. */
  readonly clusterVersion: () => string | undefined;
  /** Everybody known, this member included, whether applied yet or not. */
  readonly members: () => readonly ClusterMember[];
  /** What a member answers at one of its peer URLs. Rejects when it does not. */
  readonly getVersion: (url: string) => Promise<PeerVersions>;
  readonly nowMs: () => number;
  /** Propose a request of either dialect; `done` is called once with the result or the code it failed with. */
  readonly propose: (kind: number, request: Uint8Array, done: (result: ApplyResult | ErrorCode) => void) => void;
  readonly proposeLegacy: (path: string, value: string, done: (result: ApplyResult | ErrorCode) => void) => void;
}

interface Asked {
  readonly serverVersions: readonly (string | undefined)[];
  readonly dialect: ClusterDialect | undefined;
}

/**
 * Sets what all members are to know of each other, a member's attributes and the cluster version, in the dialect that every one of
 * them understands: the wrong one ends a member's process. Peer protocol page, sections 12.2, 15 and 16.
 */
export class ClusterFacts {
  readonly #deps: ClusterFactsDeps;
  readonly #beganMs: number;

  constructor(deps: ClusterFactsDeps) {
    this.#deps = deps;
    this.#beganMs = deps.nowMs();
  }

  /** What the members say they are. Never rejects. */
  async ask(): Promise<Asked> {
    const { clusterVersion, members, nowMs } = this.#deps;
    const answers = await Promise.all(members().map((member) => this.#versionsOf(member)));
    const serverVersions = answers.map((answer) => answer?.etcdserver);
    const isKnown = answers.map((answer) => answer?.etcdcluster).filter((version) => isAtLeast(version, "3.0.0"));
    const dialect =
      answers.length === 0
        ? undefined
        : decideDialect({
            clusterVersion: clusterVersion() ?? isKnown[0],
            serverVersions,
            isWaitOver: nowMs() - this.#beganMs >= UNKNOWN_MEMBERS_WAIT_MS,
          });
    return { serverVersions, dialect };
  }

  /** Publishes this member's attributes. Undefined when it cannot be said yet in which dialect; never rejects. */
  async publish(name: string, clientUrls: readonly string[]): Promise<ApplyResult | ErrorCode | undefined> {
    const { memberId, propose, proposeLegacy } = this.#deps;
    const { dialect } = await this.ask();
    if (dialect === undefined) return undefined;
    return await new Promise((resolve) => {
      if (dialect === "v2") {
        proposeLegacy(legacyAttributesPath(memberId), legacyAttributes(name, clientUrls), resolve);
        return;
      }
      const memberAttributes = createMemberAttributes({ name, clientUrls: [...clientUrls] });
      const request = createClusterMemberAttrSetRequest({ memberId, memberAttributes });
      propose(RequestKind.ClusterMemberAttrSet, encodeClusterMemberAttrSetRequest(request), resolve);
    });
  }

  /** Proposes a cluster version. */
  setVersion(ver: string, dialect: ClusterDialect): void {
    const { propose, proposeLegacy } = this.#deps;
    const request = encodeClusterVersionSetRequest(createClusterVersionSetRequest({ ver }));
    if (dialect === "v2") proposeLegacy(LEGACY_VERSION_PATH, ver, () => {});
    else propose(RequestKind.ClusterVersionSet, request, () => {});
  }

  async #versionsOf({
    id,
    peerUrls,
  }: ClusterMember): Promise<Pick<PeerVersions, "etcdserver" | "etcdcluster"> | undefined> {
    const { clusterVersion, getVersion, memberId, ownVersion } = this.#deps;
    if (id === memberId) return { etcdserver: ownVersion, etcdcluster: clusterVersion() ?? "" };
    for (const url of peerUrls) {
      const versions = await getVersion(url).catch(() => undefined);
      if (versions !== undefined) return versions;
    }
    return undefined;
  }
}
