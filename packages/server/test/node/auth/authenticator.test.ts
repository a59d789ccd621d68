import { beforeEach, describe, expect, it } from "@jest/globals";
import type { Metadata, PeerInfo } from "@quorate/grpc";
import { Authenticator } from "../../../src/node/auth/authenticator.ts";
import { SimpleTokenProvider } from "../../../src/node/auth/token-provider.ts";

const MIB = 1024 * 1024;

function call(values: Readonly<Record<string, string>>, commonName?: string | null) {
  const metadata = { get: (name: string) => values[name] } as unknown as Metadata;
  const certificate = commonName === undefined ? undefined : { commonName: commonName ?? undefined };
  return { metadata, peer: { certificate } as unknown as PeerInfo };
}

describe("who calls", () => {
  let provider: SimpleTokenProvider;
  let nowMs: number;
  let appliedIndex: number;
  let authenticator: Authenticator;

  beforeEach(() => {
    nowMs = 0;
    appliedIndex = 10;
    provider = new SimpleTokenProvider(1000, () => nowMs);
    authenticator = new Authenticator({
      provider,
      state: { isEnabled: true, revision: 7 },
      byCertificate: true,
      appliedIndex: () => appliedIndex,
      nowMs: () => nowMs,
      waitMs: 7000,
    });
    provider.keeper.assign("alice", "prefix", 10);
  });

  it("is told by the token, of the first name that has one, and else by the certificate", () => {
    const alice = { username: "alice", authRevision: 7 };
    expect(authenticator.identify(call({ token: "prefix.9" }))).toEqual(alice);
    expect(authenticator.identify(call({ token: "Bearer prefix.9" }))).toEqual(alice);
    expect(authenticator.identify(call({ authorization: "prefix.9" }))).toEqual(alice);
    expect(authenticator.identify(call({ token: "no", authorization: "prefix.9" }))).toBe("invalidAuthToken");
    expect(authenticator.identify(call({ token: "" }, "bob"))).toBe("invalidAuthToken");
    expect(authenticator.identify(call({ token: "prefix.9" }, "bob"))).toEqual(alice);
    expect(authenticator.identify(call({}, "bob"))).toEqual({ username: "bob", authRevision: 7 });
    expect(authenticator.identify(call({}, null))).toEqual({ username: "", authRevision: 7 });
    expect(authenticator.identify(call({ "grpcgateway-accept": "*/*" }, "bob"))).toBeUndefined();
    expect(authenticator.identify(call({}))).toBeUndefined();
    expect(authenticator.identifyToken("Bearer prefix.9")).toEqual(alice);
  });

  it("is not waited for where its token is longer than any", () => {
    expect(authenticator.awaitedIndex(call({ token: `${"x".repeat(64)}.10` }))).toBe(11);
    expect(authenticator.awaitedIndex(call({ token: `${"x".repeat(65)}.10` }))).toBeUndefined();
    expect(authenticator.identify(call({ token: `${"x".repeat(65)}.10` }))).toBe("invalidAuthToken");
  });

  it("is waited for while the token's entry is still to come, and not for what is known or too old", () => {
    const awaited = (token: string): number | undefined => authenticator.awaitedIndex(call({ token }));
    expect(["prefix.9", "prefix.10", "other.9", "none", "a.b.c", "x.0"].map(awaited)).toEqual(
      Array.from({ length: 6 }, () => undefined),
    );
    expect(awaited("other.10")).toBe(11);
    expect(awaited("other.99")).toBe(100);
    expect(authenticator.awaitedIndex(call({}))).toBeUndefined();
  });

  it("is looked at when the entry is applied, or after a while", () => {
    const ran: string[] = [];
    authenticator.whenApplied(12, 1, () => ran.push("twelve"));
    authenticator.whenApplied(99, 1, () => ran.push("never"));
    appliedIndex = 11;
    authenticator.applied();
    expect(ran).toEqual([]);
    appliedIndex = 12;
    authenticator.applied();
    expect(ran).toEqual(["twelve"]);
    nowMs = 6999;
    authenticator.visit();
    expect(ran).toEqual(["twelve"]);
    nowMs = 7000;
    authenticator.visit();
    expect(ran).toEqual(["twelve", "never"]);
  });

  it("does not fill the memory with what waits", () => {
    let ran = 0;
    const wait = (bytes: number): void => authenticator.whenApplied(99, bytes, () => ran++);
    for (let i = 0; i < 32; i++) wait(2 * MIB);
    expect(ran).toBe(0);
    wait(1);
    expect(ran).toBe(1);
    nowMs = 7000;
    authenticator.applied();
    expect(ran).toBe(33);
    for (let i = 0; i < 10_001; i++) wait(0);
    expect(ran).toBe(34);
  });
});
