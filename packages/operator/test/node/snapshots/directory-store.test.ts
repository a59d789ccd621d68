import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { temporaryDirectory } from "@quorate/testkit";
import type { ArtifactStore } from "../../../src/node/snapshots/agent/artifact-store.ts";
import { DirectoryStore } from "../../../src/node/snapshots/agent/directory-store.ts";
import { itStoresArtifacts, streamOf } from "./artifact-store.contract.ts";

let directory = temporaryDirectory("quorate-claim-");
let store: ArtifactStore = new DirectoryStore(directory.path);

beforeEach(() => {
  directory = temporaryDirectory("quorate-claim-");
  store = new DirectoryStore(directory.path);
});

afterEach(() => directory.remove());

describe("DirectoryStore", () => {
  itStoresArtifacts(() => store, 1000);

  it("does not leave its directory", async () => {
    await expect(store.put("../outside.db", streamOf(), 0)).rejects.toMatchObject({ reason: "DestinationForbidden" });
  });

  it("does not write beside a claim that is not mounted", async () => {
    const missing: ArtifactStore = new DirectoryStore(join(directory.path, "mount"));

    await expect(missing.put("a/object.db", streamOf(Buffer.from("x")), 1)).rejects.toMatchObject({
      reason: "NotFound",
    });
    await expect(missing.list("a/")).rejects.toMatchObject({ reason: "NotFound" });
  });

  it("shows no unfinished write, and sweeps those that are old", async () => {
    mkdirSync(join(directory.path, "a"));
    writeFileSync(join(directory.path, "a", "object.db.part-0123"), "half");

    expect(await store.list("a/")).toEqual([]);
    expect(await store.abandonWrites("a/", Date.now() - 60_000)).toBe(0);
    expect(await store.abandonWrites("a/", Date.now() + 60_000)).toBe(1);
    expect(readdirSync(join(directory.path, "a"))).toEqual([]);
  });
});
