/** What of a client's request goes into the log. */
import { describe, expect, it } from "@jest/globals";
import { NO_LOGGER } from "@quorate/base";
import type { Method, UnaryCall } from "@quorate/grpc";
import {
  AuthUserGrantRoleRequestDescriptor,
  CompactionRequestDescriptor,
  DeleteRangeRequestDescriptor,
  LeaseGrantRequestDescriptor,
  LeaseRevokeRequestDescriptor,
  type MessageDescriptor,
  PutRequestDescriptor,
  RaftRequestPeek,
  TxnRequestDescriptor,
} from "@quorate/protocol";
import { type Pending, RequestIds } from "@quorate/server/core";
import { AuthService } from "../../src/node/services/auth.ts";
import { KvService } from "../../src/node/services/kv.ts";
import { LeaseService } from "../../src/node/services/lease.ts";
import type { NodeContext } from "../../src/node/services/node-context.ts";
import { Proposer } from "../../src/node/services/proposal.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.split(" "), (byte) => Number.parseInt(byte, 16));

/** Well-formed requests that decoders of etcd before 3.7 refuse, or understand otherwise. */
const ODD_REQUESTS: readonly (readonly [what: string, method: string, codec: MessageDescriptor, hex: string])[] = [
  ["a field of another wire type", "Put", PutRequestDescriptor, "0a 01 61 1a 00"],
  ["an unknown field", "Put", PutRequestDescriptor, "f8 07 01 0a 01 61"],
  ["fields out of order", "Put", PutRequestDescriptor, "12 01 76 0a 01 61"],
  ["an operation in two parts", "Txn", TxnRequestDescriptor, "12 0a 12 03 0a 01 63 12 03 12 01 76"],
  [
    "two operations in one",
    "Txn",
    TxnRequestDescriptor,
    // A put of "c", then a deletion of "d", of which the latter counts.
    "12 0a 12 03 0a 01 63 1a 03 0a 01 64",
  ],
  ["a deletion with an unknown field", "DeleteRange", DeleteRangeRequestDescriptor, "0a 01 61 22 00"],
  ["a revision that is text", "Compact", CompactionRequestDescriptor, "0a 00 08 01"],
  ["a lease whose time is text, too", "LeaseGrant", LeaseGrantRequestDescriptor, "0a 00 10 07 08 3c"],
  ["a lease with a name", "LeaseRevoke", LeaseRevokeRequestDescriptor, "0a 01 78 08 07"],
  ["a user with a number", "UserGrantRole", AuthUserGrantRoleRequestDescriptor, "08 01 0a 01 75 12 01 72"],
];

/** The services on a member that only proposes, and what it was asked to. */
class Proposals {
  /** Undefined: not decided. */
  clusterVersion: string | undefined;
  readonly entries: Uint8Array[] = [];
  readonly requests: unknown[] = [];
  readonly #methods: Readonly<Record<string, Method>>;

  constructor() {
    const { entries, requests } = this;
    const membershipOf = (): string | undefined => this.clusterVersion;
    const context = {
      access: { isEnabled: false, admin: () => undefined, user: () => undefined },
      backend: { unwrittenBytes: 0 },
      limits: { maxRequestBytes: 1_000_000, maxTxnOps: 128 },
      membership: {
        get clusterVersion() {
          return membershipOf();
        },
      },
      quota: { admits: () => true },
      requestIds: new RequestIds(7n, 0),
      replica: {
        propose(data: Uint8Array, _low48: number, pending: Pending): undefined {
          entries.push(data);
          requests.push(pending.request);
        },
      },
    } as unknown as NodeContext;
    const proposer = new Proposer(context);
    this.#methods = {
      ...new KvService(context, proposer).methods(),
      ...new LeaseService(context, proposer).methods(),
      ...new AuthService(context, proposer, NO_LOGGER).methods(),
    };
  }

  /** The request's bytes in the entry that was proposed last. */
  send(name: string, message: Uint8Array): Uint8Array {
    const method = this.#methods[name];
    if (method?.kind !== "unary") throw new Error(`${name} is no unary method`);
    const call = { fail: (_code: number, text: string) => expect(text).toBe("no failure") };
    method.handler(call as unknown as UnaryCall, message);
    const entry = this.entries.at(-1) as Uint8Array;
    const peek = new RaftRequestPeek();
    peek.read(entry);
    return entry.slice(peek.start, peek.end);
  }
}

describe("a request with", () => {
  it.each(ODD_REQUESTS)("%s goes into the log as it was understood where members may be older than 3.7", (...row) => {
    const [, method, codec, hex] = row;
    const message = bytes(hex);
    const understood = codec.decode(message);
    const canonical = codec.encode(understood);
    expect(canonical).not.toEqual(message);
    const proposals = new Proposals();
    for (const version of [undefined, "3.0.0", "3.4.0", "3.5.0", "3.6.0"]) {
      proposals.clusterVersion = version;
      expect({ version, bytes: proposals.send(method, message) }).toEqual({ version, bytes: canonical });
      expect(proposals.requests.at(-1)).toEqual(understood);
    }
  });

  it.each(ODD_REQUESTS)("%s goes into the log as it was sent from 3.7 on", (...row) => {
    const [, method, codec, hex] = row;
    const message = bytes(hex);
    const proposals = new Proposals();
    for (const version of ["3.6.0", "3.7.0", "3.8.0"]) {
      proposals.clusterVersion = version;
      const sent = proposals.send(method, message);
      expect(proposals.requests.at(-1)).toEqual(codec.decode(message));
      if (version !== "3.6.0") expect({ version, bytes: sent }).toEqual({ version, bytes: message });
    }
    expect(proposals.entries).toHaveLength(3);
  });
});
