import { describe, expect, it } from "@jest/globals";
import type { Metadata, Method, PeerInfo, StreamCall, UnaryCall } from "@quorate/grpc";
import { Authenticator } from "../../../src/node/auth/authenticator.ts";
import { SimpleTokenProvider } from "../../../src/node/auth/token-provider.ts";
import type { Access } from "../../../src/node/services/access.ts";
import { TokenGate } from "../../../src/node/services/token-gate.ts";

type UnaryMethod = Extract<Method, { readonly kind: "unary" }>;
type StreamMethod = Exclude<Method, UnaryMethod>;

const PADDING = "x".repeat(1024 * 1024);
/** What the gate holds on to of all calls. */
const HELD_MIB_MAX = 64;

describe("calls whose token is still to come", () => {
  const entries = new Map([
    ["token", "made-up.99"],
    ["padding", PADDING],
  ]);
  const metadata = { get: (name: string) => entries.get(name), entries: () => entries.entries() };
  const call = { metadata: metadata as unknown as Metadata, peer: {} as PeerInfo, ended: false };

  function guarded(method: Method): Method {
    const authenticator = new Authenticator({
      provider: new SimpleTokenProvider(1000, () => 0),
      state: { isEnabled: true, revision: 1 },
      byCertificate: false,
      appliedIndex: () => 1,
      nowMs: () => 0,
      waitMs: 1000,
    });
    const gate = new TokenGate({ isEnabled: true } as Access, authenticator);
    return gate.guard({ service: { method } })["service"]?.["method"] as Method;
  }

  it("do not fill the memory with their metadata", () => {
    let served = 0;
    const { handler } = guarded({ kind: "unary", handler: () => void served++ }) as UnaryMethod;
    for (let i = 0; i < HELD_MIB_MAX - 1; i++) handler(call as unknown as UnaryCall, new Uint8Array(0));
    expect(served).toBe(0);
    handler(call as unknown as UnaryCall, new Uint8Array(0));
    expect(served).toBe(1);
  });

  it("do not as streams either, of which the next one goes on at once", () => {
    let paused = 0;
    const stream = { ...call, onMessage: undefined, pause: (isPaused: boolean) => void (paused += isPaused ? 1 : -1) };
    const { handler } = guarded({ kind: "bidi", handler: () => {} }) as StreamMethod;
    for (let i = 0; i < HELD_MIB_MAX; i++) handler(stream as unknown as StreamCall);
    expect(paused).toBe(HELD_MIB_MAX - 1);
  });
});
