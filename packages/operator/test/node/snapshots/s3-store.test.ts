import { randomBytes } from "node:crypto";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { TestAuthority, temporaryDirectory } from "@quorate/testkit";
import type { Pace } from "../../../src/node/snapshots/agent/retrying.ts";
import { credentialSource } from "../../../src/node/snapshots/agent/s3-credentials.ts";
import { S3Store } from "../../../src/node/snapshots/agent/s3-store.ts";
import { bytesOf, itStoresArtifacts, streamOf } from "./artifact-store.contract.ts";
import { KEYS, type S3Server, type S3ServerOptions, startS3Server } from "./s3-server.ts";

// Against s3rver, a real server of S3's protocol, that checks signatures and the digest of every body.

const PART = 5 * 1024 * 1024;

let server: S3Server;
let store: S3Store;
let pauses: number[];
let directory = temporaryDirectory("quorate-s3-");
const pace: Pace = {
  sleep: (ms) => {
    pauses.push(ms);
    return Promise.resolve();
  },
  random: () => 0.5,
};
const KEYS_ENV = { AWS_ACCESS_KEY_ID: KEYS.accessKeyId, AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey };

function storeWith(env: Readonly<Record<string, string>>, ca?: string): S3Store {
  const { bucket, endpoint } = server;
  return new S3Store(
    {
      destination: { bucket, prefix: "fleet/one", endpoint, region: "us-east-1", pathStyle: true },
      credentials: credentialSource(env, "us-east-1", () => Date.now()),
      ...(ca === undefined ? {} : { ca }),
      pace,
    },
    { partBytes: () => PART },
  );
}

async function start(options: S3ServerOptions = {}): Promise<void> {
  directory = temporaryDirectory("quorate-s3-");
  server = await startS3Server(directory.path, options);
  pauses = [];
  store = storeWith(KEYS_ENV);
}

afterEach(async () => {
  store.close();
  await server[Symbol.asyncDispose]();
  directory.remove();
});

describe("S3Store on a server that keeps checksums", () => {
  beforeEach(() => start({ checksums: true }));
  itStoresArtifacts(() => store, PART);

  it("sees that the store holds other bytes than were sent", async () => {
    const broken = storeWith(KEYS_ENV);
    let isTold = false;
    // The object is written once more by somebody else before it is looked at.
    server.disturb = (method, url) => {
      if (method !== "HEAD" || isTold || !server.requests.some((line) => line.startsWith("PUT"))) return undefined;
      isTold = true;
      for (const name of readdirSync(directory.path, { recursive: true, encoding: "utf8" })) {
        if (name.endsWith("_object")) writeFileSync(join(directory.path, name), "other");
      }
      return url === "" ? 500 : undefined;
    };

    await expect(broken.put("a/object.db", streamOf(randomBytes(100)), 100)).rejects.toMatchObject({
      reason: "DigestMismatch",
    });
    broken.close();
  });
});

describe("S3Store on a server without checksums", () => {
  beforeEach(() => start());
  // s3rver's entity tag of an object in parts says nothing of its bytes.
  itStoresArtifacts(
    () => store,
    PART,
    (size) => size <= PART,
  );

  it("tries again what the store could not do, with pauses that grow", async () => {
    let failures = 0;
    server.disturb = (method) => (method === "PUT" && (failures += 1) <= 3 ? 503 : undefined);

    await store.put("a/object.db", streamOf(randomBytes(100)), 100);

    expect(pauses).toEqual([375, 750, 1500]);
  });

  it("gives up a store that stays away", async () => {
    server.disturb = () => 500;

    await expect(store.put("a/object.db", streamOf(randomBytes(100)), 100)).rejects.toMatchObject({
      reason: "DestinationUnreachable",
    });
  });

  it("does not try again with keys that are refused", async () => {
    const stranger = storeWith({ ...KEYS_ENV, AWS_SECRET_ACCESS_KEY: "wrong" });

    await expect(stranger.list("a/")).rejects.toMatchObject({ reason: "DestinationForbidden" });

    expect(server.requests.length).toBe(1);
    stranger.close();
  });

  it("goes on where a broken connection left off", async () => {
    const bytes = randomBytes(3 * 1024 * 1024);
    await store.put("a/object.db", streamOf(bytes), bytes.length);
    let cuts = 0;
    server.disturb = (method) => (method === "GET" && (cuts += 1) <= 2 ? "cut" : undefined);

    const read = await bytesOf(store.get("a/object.db"));

    expect(Buffer.compare(read, bytes)).toBe(0);
    expect(cuts).toBe(3);
  });

  it("leaves no upload behind when a part cannot be sent", async () => {
    server.disturb = (method, url) => (method === "PUT" && url.includes("partNumber=2") ? 400 : undefined);

    await expect(store.put("a/object.db", streamOf(randomBytes(3 * PART)), 3 * PART)).rejects.toMatchObject({
      reason: "DestinationUnreachable",
    });

    expect(server.requests.some((line) => line.startsWith("DELETE") && line.includes("uploadId="))).toBe(true);
    expect(await store.stat("a/object.db")).toBeUndefined();
  });

  it("ends old uploads that nobody ends, and leaves those under way", async () => {
    // The agent was killed between two parts: nothing of its own ends the upload.
    server.disturb = (method, url) =>
      (method === "PUT" && url.includes("partNumber=2")) || (method === "DELETE" && url.includes("uploadId"))
        ? 400
        : undefined;
    await store.put("a/object.db", streamOf(randomBytes(3 * PART)), 3 * PART).catch(() => {});
    server.disturb = undefined;

    expect(await store.abandonWrites("b/", Date.now() + 60_000)).toBe(0);
    expect(await store.abandonWrites("a/", Date.now() - 60_000)).toBe(0);
    expect(await store.abandonWrites("a/", Date.now() + 60_000)).toBe(1);
    expect(await store.abandonWrites("a/", Date.now() + 60_000)).toBe(0);
  });

  it("takes a store that does not list unfinished uploads as one without any", async () => {
    server.disturb = (method, url) => (method === "GET" && url.includes("uploads=") ? 501 : undefined);

    expect(await store.abandonWrites("a/", Date.now())).toBe(0);
  });
});

describe("S3Store with lists in pages", () => {
  beforeEach(() => start({ pageLength: 2 }));

  it("lists every page, and fails rather than giving some of them", async () => {
    for (let i = 0; i < 5; i += 1) await store.put(`a/${i} & more.db`, streamOf(Buffer.from("x")), 1);

    expect((await store.list("a/")).map(({ key }) => key)).toEqual([0, 1, 2, 3, 4].map((i) => `a/${i} & more.db`));

    server.disturb = (method, url) => (method === "GET" && url.includes("continuation-token") ? 403 : undefined);
    await expect(store.list("a/")).rejects.toMatchObject({ reason: "DestinationForbidden" });
  });
});

describe("S3Store over TLS", () => {
  it("trusts the authority that it is given, and no other", async () => {
    using pki = temporaryDirectory("quorate-pki-");
    const authority = await TestAuthority.create(pki.path);
    const { certificate, key } = await authority.issue("store");
    await start({ tls: { cert: certificate, key } });
    const trusting = storeWith(KEYS_ENV, authority.certificate);

    await trusting.put("a/object.db", streamOf(Buffer.from("x")), 1);

    await expect(store.list("a/")).rejects.toMatchObject({ reason: "DestinationUnreachable" });
    trusting.close();
  });
});

describe("credentialSource", () => {
  it("signs with temporary keys", async () => {
    await start();
    const temporary = storeWith({ ...KEYS_ENV, AWS_SESSION_TOKEN: "session" });

    await temporary.put("a/object.db", streamOf(Buffer.from("x")), 1);

    expect((await temporary.list("a/")).length).toBe(1);
    temporary.close();
  });
});
