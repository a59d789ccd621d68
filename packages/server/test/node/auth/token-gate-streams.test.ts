import { beforeEach, describe, expect, it } from "@jest/globals";
import type { Metadata, Method, StreamCall } from "@quorate/grpc";
import { Authenticator } from "../../../src/node/auth/authenticator.ts";
import { SimpleTokenProvider } from "../../../src/node/auth/token-provider.ts";
import type { Access } from "../../../src/node/services/access.ts";
import { TokenGate } from "../../../src/node/services/token-gate.ts";

class FakeCall {
  onMessage: ((message: Uint8Array) => void) | undefined;
  ended = false;
  readonly metadata: Metadata;

  constructor(token: string) {
    this.metadata = new Map([["token", token]]) as unknown as Metadata;
  }
}

describe("a stream of the server alone", () => {
  let appliedIndex: number;
  let authenticator: Authenticator;
  let begun: string[];
  let method: Method;

  beforeEach(() => {
    appliedIndex = 10;
    const provider = new SimpleTokenProvider(1000, () => 0);
    provider.keeper.assign("alice", "known", 5);
    authenticator = new Authenticator({
      provider,
      state: { isEnabled: true, revision: 7 },
      byCertificate: false,
      appliedIndex: () => appliedIndex,
      nowMs: () => 0,
      waitMs: 7000,
    });
    begun = [];
    const handler = (call: StreamCall): void => {
      begun.push("handler");
      call.onMessage = (message) => void begun.push(`message ${message.join()}`);
    };
    const gate = new TokenGate({ isEnabled: true } as unknown as Access, authenticator);
    method = gate.guard({ s: { m: { kind: "serverStream", handler } } })["s"]?.["m"] as Method;
  });

  /** Opens a stream and gives it its request, whose bytes are lent for the moment. */
  function open(token: string): FakeCall {
    const call = new FakeCall(token);
    if (method.kind !== "serverStream") throw new Error("it is still one");
    method.handler(call as unknown as StreamCall);
    const lent = Uint8Array.of(1, 2);
    call.onMessage?.(lent);
    lent.fill(0);
    return call;
  }

  it("begins at once where the token is known", () => {
    open("known.4");
    expect(begun).toEqual(["handler", "message 1,2"]);
  });

  it("waits for a token that this member has still to hear of", () => {
    open("unknown.11");
    expect(begun).toEqual([]);
    appliedIndex = 12;
    authenticator.applied();
    expect(begun).toEqual(["handler", "message 1,2"]);
  });

  it("does not begin when it has ended meanwhile, or its object is another's", () => {
    open("unknown.11").ended = true;
    open("unknown.11").onMessage = () => {};
    appliedIndex = 12;
    authenticator.applied();
    expect(begun).toEqual([]);
  });
});
