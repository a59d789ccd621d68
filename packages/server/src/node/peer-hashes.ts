import type { Logger } from "@quorate/base";
import { type ClusterMember, hexId, type PeerAnswer } from "../core/index.ts";
import { type PeerClient, PeerRequestError } from "./peer/index.ts";

export interface PeerHashesDeps {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  readonly members: () => readonly ClusterMember[];
  readonly client: Pick<PeerClient, "hashKv">;
  /** For each of a member's URLs. */
  readonly timeoutMs: number;
  readonly logger: Logger;
}

/** Asks every other member for the hash of its key space. */
export class PeerHashes {
  readonly #deps: PeerHashesDeps;

  constructor(deps: PeerHashesDeps) {
    this.#deps = deps;
  }

  /** What the others answer for `revision`, in the order of their IDs. Never rejects. */
  ask(revision: number): Promise<readonly PeerAnswer[]> {
    const { memberId, members } = this.#deps;
    const others = members().filter(({ id, peerUrls }) => id !== memberId && peerUrls.length > 0);
    return Promise.all(others.map((member) => this.#askOne(member, revision)));
  }

  async #askOne({ id, peerUrls }: ClusterMember, revision: number): Promise<PeerAnswer> {
    const { client, clusterId, logger, timeoutMs } = this.#deps;
    for (const url of peerUrls) {
      try {
        const {
          hash,
          compactRevision,
          revision: currentRevision,
        } = await client.hashKv(url, revision, {
          clusterId,
          timeoutMs,
        });
        return { id, answer: { hash, compactRevision, currentRevision } };
      } catch (error) {
        logger.warn("failed hash kv request", {
          "remote-peer-id": hexId(id),
          "remote-peer-endpoint": url,
          "requested-revision": revision,
          error: error instanceof PeerRequestError ? error.text : String(error),
        });
      }
    }
    return { id, answer: undefined };
  }
}
