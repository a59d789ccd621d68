import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { temporaryDirectory } from "@quorate/testkit";
import { formatManifest, manifestKey } from "../../../src/core/index.ts";
import { DirectoryStore } from "../../../src/node/snapshots/agent/directory-store.ts";
import { fetchArtifact } from "../../../src/node/snapshots/agent/fetch-artifact.ts";
import { sha256, streamOf } from "./artifact-store.contract.ts";
import { manifestOf } from "./manifest-builder.ts";

const KEY = "default/demo/0a1b2c3d/20260131T040500Z-1234-89abcdef.db.gz";

let directory = temporaryDirectory("quorate-fetch-");
let store = new DirectoryStore(directory.path);

beforeEach(() => {
  directory = temporaryDirectory("quorate-fetch-");
  store = new DirectoryStore(directory.path);
});

afterEach(() => directory.remove());

/** Bytes that end in their own digest, as etcd's snapshots do. */
function snapshotBytes(size: number): Buffer {
  const body = randomBytes(size);
  return Buffer.concat([body, createHash("sha256").update(body).digest()]);
}

async function stored(plain: Buffer, change: { stored?: Buffer; manifest?: object } = {}): Promise<void> {
  const packed = gzipSync(plain);
  await store.put(KEY, streamOf(change.stored ?? packed));
  const manifest = manifestOf({
    key: KEY,
    compression: "Gzip",
    sizeBytes: plain.length,
    storedSizeBytes: packed.length,
    sha256: sha256(plain),
    storedSha256: sha256(packed),
    ...change.manifest,
  });
  await store.put(manifestKey(KEY), streamOf(Buffer.from(formatManifest(manifest))));
}

describe("fetchArtifact", () => {
  const path = (): string => join(directory.path, "fetched.db");

  it("gives the plain bytes and the manifest", async () => {
    const plain = snapshotBytes(3_000_000);
    await stored(plain);

    const manifest = await fetchArtifact({ store, key: KEY, sha256: sha256(plain), path: path() });

    expect(manifest.revision).toBe("1234");
    expect(Buffer.compare(readFileSync(path()), plain)).toBe(0);
  });

  it("does not take an artifact without a manifest: it was never finished", async () => {
    await store.put(KEY, streamOf(gzipSync(snapshotBytes(10))));

    await expect(fetchArtifact({ store, key: KEY, path: path() })).rejects.toMatchObject({ reason: "NotFound" });
  });

  it.each([
    ["a byte was changed in the store", (packed: Buffer) => flipped(packed, packed.length >> 1)],
    ["its end is missing", (packed: Buffer) => packed.subarray(0, packed.length - 9)],
    ["something was added behind it", (packed: Buffer) => Buffer.concat([packed, packed])],
    ["it is something else", () => Buffer.from("<html>not found</html>")],
    ["it is empty", () => Buffer.alloc(0)],
  ])("finds that %s, and leaves no file", async (_what, damage) => {
    const plain = snapshotBytes(300_000);
    await stored(plain, { stored: damage(gzipSync(plain)) });

    await expect(fetchArtifact({ store, key: KEY, path: path() })).rejects.toMatchObject({ reason: "DigestMismatch" });

    expect(existsSync(path())).toBe(false);
  });

  it("finds a snapshot whose own digest was wrong before it was stored", async () => {
    const plain = flipped(snapshotBytes(1000), 500);
    await stored(plain);

    await expect(fetchArtifact({ store, key: KEY, path: path() })).rejects.toThrow(
      "does not have the digest at its end",
    );
  });

  it("does not take another artifact than the one expected", async () => {
    await stored(snapshotBytes(1000));

    const other = fetchArtifact({ store, key: KEY, sha256: "0".repeat(64), path: path() });

    await expect(other).rejects.toMatchObject({ reason: "DigestMismatch" });
  });

  it.each([
    ["is of another format", { formatVersion: 2 }],
    ["is of another artifact", { key: "default/demo/0a1b2c3d/20260131T040500Z-1-00000000.db" }],
    ["lacks a field", { sha256: undefined }],
  ])("does not take a manifest that %s", async (_what, manifest) => {
    await stored(snapshotBytes(1000), { manifest });

    await expect(fetchArtifact({ store, key: KEY, path: path() })).rejects.toMatchObject({ reason: "Damaged" });
  });

  it("ends when it is told to", async () => {
    await stored(snapshotBytes(1_000_000));
    const signal = AbortSignal.abort();

    await expect(fetchArtifact({ store, key: KEY, path: path(), signal })).rejects.toMatchObject({ reason: "Timeout" });
  });
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 0xff;
  return copy;
}
