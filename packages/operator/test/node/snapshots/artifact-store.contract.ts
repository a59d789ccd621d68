import { createHash, randomBytes } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import type { ArtifactStore } from "../../../src/node/snapshots/agent/artifact-store.ts";

export async function* streamOf(...parts: readonly (Uint8Array | Error)[]): AsyncIterable<Uint8Array> {
  for (const part of parts) {
    await Promise.resolve();
    if (part instanceof Error) throw part;
    yield part;
  }
}

export async function bytesOf(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** What every store does, whatever it is made of. `store` gives the one of the running test. */
export function itStoresArtifacts(
  store: () => ArtifactStore,
  partBytes: number,
  isConfirmed: (size: number) => boolean = () => true,
): void {
  describe.each([0, 1, partBytes, partBytes + 1, 2 * partBytes, 3 * partBytes + 12_345])(
    "an object of %i bytes",
    (size) => {
      it("is read back as it was written", async () => {
        const bytes = randomBytes(size);

        const put = await store().put("a/b/object.db", streamOf(bytes.subarray(0, 7), bytes.subarray(7)), size);

        expect(put).toEqual({ sizeBytes: size, sha256: sha256(bytes), isConfirmed: isConfirmed(size) });
        expect(await store().stat("a/b/object.db")).toMatchObject({ key: "a/b/object.db", sizeBytes: size });
        expect(Buffer.compare(await bytesOf(store().get("a/b/object.db")), bytes)).toBe(0);
      });
    },
  );

  it("writes nothing of a stream that fails, however much of it had come", async () => {
    const source = streamOf(randomBytes(2 * partBytes + 10), new Error("the member went away"));

    await expect(store().put("a/object.db", source, 3 * partBytes)).rejects.toThrow("the member went away");

    expect(await store().stat("a/object.db")).toBeUndefined();
    expect(await store().list("a/")).toEqual([]);
    expect(await store().abandonWrites("a/", Date.now() + 60_000)).toBe(0);
  });

  it("never writes over an object", async () => {
    await store().put("a/object.db", streamOf(Buffer.from("first")), 5);

    const again = store().put("a/object.db", streamOf(Buffer.from("second")), 6);

    await expect(again).rejects.toMatchObject({ reason: "AlreadyExists" });
    expect((await bytesOf(store().get("a/object.db"))).toString()).toBe("first");
  });

  it("lists what is below a folder, at any depth, and nothing beside it", async () => {
    for (const key of ["ns/x/1/a.db", "ns/x/1/b.db", "ns/x/2/c.db", "ns/xy/1/d.db"]) {
      await store().put(key, streamOf(Buffer.from(key)), 10);
    }

    const keys = (await store().list("ns/x/")).map(({ key }) => key).sort();

    expect(keys).toEqual(["ns/x/1/a.db", "ns/x/1/b.db", "ns/x/2/c.db"]);
    expect(await store().list("ns/z/")).toEqual([]);
  });

  it("tells that an object is not there, and deletes it twice without complaint", async () => {
    await store().put("a/object.db", streamOf(Buffer.from("x")), 1);

    await store().delete("a/object.db");
    await store().delete("a/object.db");

    expect(await store().stat("a/object.db")).toBeUndefined();
    await expect(bytesOf(store().get("a/object.db"))).rejects.toMatchObject({ reason: "NotFound" });
  });
}
