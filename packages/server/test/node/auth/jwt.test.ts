import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { NO_LOGGER } from "@quorate/base";
import { type TemporaryDirectory, temporaryDirectory } from "@quorate/testkit";
import { JwtProvider } from "../../../src/node/auth/jwt-provider.ts";
import { openTokenProvider } from "../../../src/node/auth/open-token-provider.ts";
import { type SigningMethod, signingMethod } from "../../../src/node/auth/signing-method.ts";
import type { TokenProvider } from "../../../src/node/auth/token-provider.ts";

const WALL_MS = 1_800_000_000_000;
const LOGIN = { username: "alice", authRevision: 7, tokenPrefix: "", entryIndex: 5 };

let directory: TemporaryDirectory;
let wallMs = WALL_MS;

function file(name: string, content: string | Buffer): string {
  const path = join(directory.path, name);
  writeFileSync(path, content);
  return path;
}

function pemFiles(name: string, pair: { readonly privateKey: KeyObject; readonly publicKey: KeyObject }): void {
  file(`${name}.key`, pair.privateKey.export({ type: "pkcs8", format: "pem" }));
  file(`${name}.pub`, pair.publicKey.export({ type: "spki", format: "pem" }));
}

function open(authToken: string): TokenProvider {
  const settings = { authToken: authToken.replaceAll("@", `${directory.path}/`), simpleTtlMs: 0 };
  return openTokenProvider(settings, { logger: NO_LOGGER, nowMs: () => 0, wallMs: () => wallMs });
}

function issue(provider: TokenProvider): string {
  const issued = provider.issue(LOGIN, false);
  if (typeof issued === "string") throw new Error(issued);
  return issued.token;
}

beforeAll(() => {
  directory = temporaryDirectory("quorate-jwt-", "memory");
  pemFiles("rsa", generateKeyPairSync("rsa", { modulusLength: 2048 }));
  pemFiles("other", generateKeyPairSync("rsa", { modulusLength: 2048 }));
  pemFiles("p256", generateKeyPairSync("ec", { namedCurve: "P-256" }));
  pemFiles("p384", generateKeyPairSync("ec", { namedCurve: "P-384" }));
  pemFiles("p521", generateKeyPairSync("ec", { namedCurve: "P-521" }));
  pemFiles("ed", generateKeyPairSync("ed25519"));
  file("secret", "a secret of some length");
});

afterAll(() => directory.remove());

const OPTIONS: readonly (readonly [method: string, keys: string])[] = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"].map((method) => [method, "rsa"] as const),
  ["ES256", "p256"],
  ["ES384", "p384"],
  ["ES512", "p521"],
  ["EdDSA", "ed"],
];

describe("signed tokens", () => {
  it.each(OPTIONS)("of %s are verified with the public key alone, which signs none", (method, keys) => {
    wallMs = WALL_MS;
    const signer = open(`jwt,sign-method=${method},priv-key=@${keys}.key,pub-key=@${keys}.pub,ttl=10m`);
    const verifier = open(`jwt,sign-method=${method},pub-key=@${keys}.pub`);
    const token = issue(signer);

    const [head = "", body = ""] = token.split(".");
    expect(JSON.parse(Buffer.from(head, "base64url").toString())).toEqual({ alg: method, typ: "JWT" });
    expect(JSON.parse(Buffer.from(body, "base64url").toString())).toEqual({
      exp: WALL_MS / 1000 + 600,
      revision: 7,
      username: "alice",
    });
    for (const provider of [signer, verifier]) {
      expect(provider.callerOf(token, 99)).toEqual({ username: "alice", authRevision: 7 });
      const forged = `${head}.${Buffer.from('{"revision":7,"username":"root"}').toString("base64url")}.${token.split(".")[2]}`;
      for (const bad of [forged, `${token}A`, `${head}.${body}`, `${head}.${body}.`, `${token}.x`, "", "a.b.c"]) {
        expect({ bad, caller: provider.callerOf(bad, 99) }).toEqual({ bad, caller: undefined });
      }
    }
    expect(verifier.issue(LOGIN, false)).toBe("verifyOnly");
  });

  it.each(["HS256", "HS384", "HS512"])("of %s need a secret alone", (method) => {
    wallMs = WALL_MS;
    const provider = open(`jwt,sign-method=${method},priv-key=@secret`);
    expect(provider.callerOf(issue(provider), 1)).toEqual({ username: "alice", authRevision: 7 });
    expect(() => open(`jwt,sign-method=${method},pub-key=@secret`)).toThrow("auth: missing key data");
  });

  it("do not choose how they are verified", () => {
    wallMs = WALL_MS;
    const rsa = open("jwt,sign-method=RS256,priv-key=@rsa.key");
    // The public key, which everybody may know, taken for a secret.
    const confused = open("jwt,sign-method=HS256,priv-key=@rsa.pub");
    const none = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${issue(rsa).split(".")[1]}.`;
    for (const token of [issue(confused), issue(open("jwt,sign-method=RS384,priv-key=@rsa.key")), none]) {
      expect(rsa.callerOf(token, 1)).toBeUndefined();
    }
  });

  it("end in time, also for a member that has seen them before", () => {
    wallMs = WALL_MS;
    const provider = open("jwt,sign-method=EdDSA,priv-key=@ed.key");
    const token = issue(provider);
    wallMs = WALL_MS + 299_000;
    expect(provider.callerOf(token, 1)).toBeDefined();
    wallMs = WALL_MS + 300_000;
    expect(provider.callerOf(token, 1)).toBeUndefined();
    provider.sweep();
    expect(open("jwt,sign-method=EdDSA,priv-key=@ed.key").callerOf(token, 1)).toBeUndefined();
  });

  it("that were refused are not verified again, however often they are sent, and do not fill the memory", () => {
    const method = signingMethod("RS256") as SigningMethod;
    let verified = 0;
    const counting: SigningMethod = {
      ...method,
      verify: (...args) => {
        verified++;
        return method.verify(...args);
      },
    };
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const keys = { signing: privateKey, verifying: publicKey };
    const provider: TokenProvider = new JwtProvider({ method: counting, keys, ttlMs: 60_000, wallMs: () => WALL_MS });
    const good = issue(provider);
    const [head = "", body = ""] = good.split(".");
    const bad = (i: number): string => `${head}.${body}.${Buffer.from(`signature ${i}`).toString("base64url")}`;
    const claims = `${head}.${Buffer.from('{"username":"alice"}').toString("base64url")}`;
    const nobody = `${claims}.${method.sign(Buffer.from(claims), privateKey).toString("base64url")}`;

    for (let i = 0; i < 100; i++) {
      expect(provider.callerOf(bad(0), 7)).toBeUndefined();
      expect(provider.callerOf(nobody, 7)).toBeUndefined();
    }
    expect(verified).toBe(2);
    expect(provider.callerOf(good, 7)).toEqual({ username: "alice", authRevision: 7 });
    for (let i = 0; i < 4096; i++) provider.callerOf(bad(1 + i), 7);
    verified = 0;
    // The last ones are remembered, the first one is not any more.
    provider.callerOf(bad(4096), 7);
    expect(verified).toBe(0);
    provider.callerOf(bad(0), 7);
    expect(verified).toBe(1);
    expect(provider.callerOf(good, 7)).toEqual({ username: "alice", authRevision: 7 });
  });

  it("are not opened with options or keys that cannot be", () => {
    const invalid = "auth: invalid auth options";
    for (const [options, reason] of [
      ["unknown", invalid],
      ["jwt", invalid],
      ["jwt,sign-method=none,priv-key=@rsa.key", invalid],
      ["jwt,sign-method=RS257,priv-key=@rsa.key", invalid],
      ["jwt,sign-method", invalid],
      ["jwt,sign-method=RS256=RS256", invalid],
      ["jwt,sign-method=RS256,sign-method=RS256,priv-key=@rsa.key", invalid],
      ["jwt,sign-method=RS256,priv-key=@missing", invalid],
      ["jwt,sign-method=RS256,priv-key=@rsa.key,ttl=soon", invalid],
      ["jwt,sign-method=RS256", "auth: missing key data"],
      ["jwt,sign-method=RS256,priv-key=@rsa.key,pub-key=@other.pub", "auth: public and private keys don't match"],
      ["jwt,sign-method=ES256,priv-key=@rsa.key", "auth: the private key is none for ES256"],
      ["jwt,sign-method=ES256,priv-key=@p384.key", "auth: the private key is none for ES256"],
      ["jwt,sign-method=RS256,pub-key=@rsa.key", "auth: the public key file holds a private key"],
    ] as const) {
      expect(() => open(options)).toThrow(reason);
    }
  });

  it("are not needed: without any, nobody logs in", () => {
    const provider = open("");
    expect(provider.issue(LOGIN, false)).toBe("authFailed");
    expect(provider.callerOf("a.1", 1)).toBeUndefined();
  });
});
