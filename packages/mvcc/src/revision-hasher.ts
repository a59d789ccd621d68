import { crc32c, latin1FromBytes } from "@quorate/base";
import { KeyValuePeek } from "@quorate/protocol";
import type { RevisionRecord } from "./backend.ts";
import type { KeyIndex } from "./key-index/key-index.ts";
import { revisionBytes } from "./revision-bytes.ts";

/** The ASCII bytes of the bucket's name, which begin the checksum. */
const BUCKET_NAME = Uint8Array.of(0x6b, 0x65, 0x79);

/** What a hash of the `key` bucket covers. */
export interface HashScope {
  /** Records above this main revision are left out. */
  readonly revision: number;
  /** At or below this main revision only what is kept at `revision` counts; -1 when nothing was ever compacted. */
  readonly compactRevision: number;
  /**
   * Whether anything at all is kept at `revision`. If not, etcd skips nothing below `compactRevision`, which leaves what
   * the compaction retained there.
   */
  readonly keepsAny: boolean;
}

/**
 * The checksum of a store's revisions that members compare with each other: CRC-32C over raw keys and values in revision
 * order. Which old records count is asked of the index for each, so that it works while a compaction is unfinished; the
 * index must not be compacted above `revision` meanwhile. Source: grpc-api.md 10.1, etcd mvcc/hash.go.
 */
export class RevisionHasher {
  readonly #index: KeyIndex;
  readonly #scope: HashScope;
  readonly #peek = new KeyValuePeek();
  #crc: number = crc32c(0, BUCKET_NAME);

  constructor(index: KeyIndex, scope: HashScope) {
    this.#index = index;
    this.#scope = scope;
  }

  get hash(): number {
    return this.#crc;
  }

  /** Takes the next record in revision order. */
  add(record: RevisionRecord): void {
    const { main, sub, tombstone, value } = record;
    const { revision, compactRevision } = this.#scope;
    if (main > revision) return;
    // A tombstone at the compacted revision is there in some releases of etcd and not in others.
    if (main === compactRevision && tombstone) return;
    if (main <= compactRevision && !this.#isKept(main, sub, tombstone, value)) return;
    this.#crc = crc32c(crc32c(this.#crc, revisionBytes(main, sub, tombstone)), value);
  }

  #isKept(main: number, sub: number, tombstone: boolean, value: Uint8Array): boolean {
    const { revision, compactRevision, keepsAny } = this.#scope;
    if (tombstone) return false;
    this.#peek.read(value);
    const key = latin1FromBytes(value, this.#peek.keyStart, this.#peek.keyEnd);
    const at = keepsAny ? revision : compactRevision;
    return this.#index.isNewestAt(key, main, sub, at) && !this.#index.isDeletedAt(key, at);
  }
}
