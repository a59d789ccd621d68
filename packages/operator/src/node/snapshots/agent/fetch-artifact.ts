import { createHash } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { MANIFEST_BYTES_MAX, type Manifest, manifestKey, parseManifest } from "../../../core/index.ts";
import { AgentError, isAgentError, messageOf } from "./agent-error.ts";
import type { ArtifactStore } from "./artifact-store.ts";

/** The manifest of an artifact. Rejects with `NotFound` if there is none: then the artifact was never finished. */
export async function readManifest(store: ArtifactStore, key: string): Promise<Manifest> {
  const at = manifestKey(key);
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const piece of store.get(at)) {
    parts.push(piece);
    size += piece.length;
    if (size > MANIFEST_BYTES_MAX)
      throw new AgentError("Damaged", `${at} in ${store.name} is too large for a manifest`);
  }
  const parsed = parseManifest(Buffer.concat(parts).toString("utf8"));
  if (parsed.manifest === undefined) {
    throw new AgentError("Damaged", `${at} in ${store.name} is no manifest: ${parsed.problem}`);
  }
  if (parsed.manifest.key !== key) {
    throw new AgentError("Damaged", `${at} in ${store.name} is the manifest of ${parsed.manifest.key}`);
  }
  return parsed.manifest;
}

/** Which artifact, and where its plain bytes go. */
export interface FetchRequest {
  readonly store: ArtifactStore;
  readonly key: string;
  /** Digest of the plain bytes that the caller expects, in hexadecimal; the manifest's has to be the same. */
  readonly sha256?: string;
  /** File that is written; what is there is replaced. */
  readonly path: string;
  readonly signal?: AbortSignal;
}

/**
 * Fetches an artifact into a file, decompressed, and checks every byte of it: size and digest of what the store had, of what came out,
 * and the digest that the member put at the end. The file is synced. Memory is bounded. Rejects with {@link AgentError}; then no file is
 * left.
 */
export async function fetchArtifact(request: FetchRequest): Promise<Manifest> {
  const { store, key, path, signal } = request;
  const manifest = await readManifest(store, key);
  if (request.sha256 !== undefined && request.sha256 !== manifest.sha256) {
    throw new AgentError(
      "DigestMismatch",
      `${key} in ${store.name} has digest ${manifest.sha256}, not ${request.sha256}`,
    );
  }
  await fetchPlain(store, manifest, path, signal);
  return manifest;
}

/** What an artifact's bytes have to be. */
export type ArtifactFacts = Pick<
  Manifest,
  "key" | "compression" | "sizeBytes" | "storedSizeBytes" | "sha256" | "storedSha256"
>;

/** {@link fetchArtifact} for an artifact whose manifest is not there yet. */
export async function fetchPlain(
  store: ArtifactStore,
  facts: ArtifactFacts,
  path: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { key } = facts;
  let file: FileHandle | undefined;
  try {
    file = await openScratch(path);
    const stored = new Tally();
    const plain = new PlainTally();
    for await (const piece of decompressed(stored.counted(store.get(key)), facts, signal)) {
      signal?.throwIfAborted();
      plain.update(piece);
      if (plain.sizeBytes > facts.sizeBytes) break;
      await writeScratch(file, piece);
    }
    const problem = plain.problem(facts) ?? stored.problem(facts);
    if (problem !== undefined) throw new AgentError("DigestMismatch", `${key} in ${store.name} ${problem}`);
    await file.sync();
    await file.close();
  } catch (error) {
    await file?.close().catch(() => {});
    await rm(path, { force: true }).catch(() => {});
    if (signal?.aborted === true) throw new AgentError("Timeout", "the time for the work is over", { cause: error });
    if (isAgentError(error)) throw error;
    // What is left is the decompressor's: the stored bytes are not what was stored.
    throw new AgentError("DigestMismatch", `${key} in ${store.name} cannot be decompressed: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function* decompressed(
  source: AsyncIterable<Uint8Array>,
  { compression }: ArtifactFacts,
  signal: AbortSignal | undefined,
): AsyncIterable<Uint8Array> {
  if (compression === "None") {
    yield* source;
    return;
  }
  const from = Readable.from(source, { objectMode: false });
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  // An error of the source has to reach whoever reads the result; `pipe` alone would leave them waiting.
  from.on("error", (error) => gunzip.destroy(error));
  const stop = (): void => void gunzip.destroy(new Error("aborted"));
  signal?.addEventListener("abort", stop, { once: true });
  try {
    yield* from.pipe(gunzip) as AsyncIterable<Uint8Array>;
  } finally {
    signal?.removeEventListener("abort", stop);
    from.destroy();
    gunzip.destroy();
  }
}

/** Size and digest of the bytes in the store. */
class Tally {
  readonly #hash = createHash("sha256");
  #sizeBytes = 0;

  async *counted(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    for await (const piece of source) {
      this.#hash.update(piece);
      this.#sizeBytes += piece.length;
      yield piece;
    }
  }

  problem({ storedSizeBytes, storedSha256 }: ArtifactFacts): string | undefined {
    if (this.#sizeBytes !== storedSizeBytes)
      return `has ${this.#sizeBytes} bytes, its manifest says ${storedSizeBytes}`;
    return this.#hash.digest("hex") === storedSha256 ? undefined : "has another digest than its manifest says";
  }
}

const DIGEST_BYTES = 32;

/** Size and digest of the plain bytes, and whether their last 32 are the digest of those before, as etcd's snapshots have it. */
export class PlainTally {
  readonly #whole = createHash("sha256");
  readonly #body = createHash("sha256");
  #tail: Uint8Array = new Uint8Array(0);
  #sizeBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  update(piece: Uint8Array): void {
    this.#whole.update(piece);
    this.#sizeBytes += piece.length;
    const both = this.#tail.length === 0 ? piece : Buffer.concat([this.#tail, piece]);
    const split = Math.max(0, both.length - DIGEST_BYTES);
    this.#body.update(both.subarray(0, split));
    this.#tail = Uint8Array.from(both.subarray(split));
  }

  /** Call once, at the end: digest of everything, or why it is not a whole snapshot. */
  finish(): { readonly sha256: string; readonly problem: string | undefined } {
    const sha256 = this.#whole.digest("hex");
    if (this.#tail.length < DIGEST_BYTES) return { sha256, problem: "is shorter than a digest" };
    const isWhole = Buffer.compare(this.#body.digest(), this.#tail) === 0;
    return { sha256, problem: isWhole ? undefined : "does not have the digest at its end that its bytes have" };
  }

  problem(manifest: ArtifactFacts): string | undefined {
    const { sha256, problem } = this.finish();
    if (this.#sizeBytes !== manifest.sizeBytes) {
      return `has ${this.#sizeBytes} plain bytes, its manifest says ${manifest.sizeBytes}`;
    }
    if (sha256 !== manifest.sha256) return "has another plain digest than its manifest says";
    return problem;
  }
}

async function openScratch(path: string): Promise<FileHandle> {
  try {
    return await open(path, "w", 0o600);
  } catch (error) {
    throw new AgentError("ScratchFailed", messageOf(error), { cause: error });
  }
}

async function writeScratch(file: FileHandle, piece: Uint8Array): Promise<void> {
  try {
    await file.writeFile(piece);
  } catch (error) {
    throw new AgentError("ScratchFailed", messageOf(error), { cause: error });
  }
}
