import type { Method, StreamCall, UnaryCall, UnaryHandler } from "@quorate/grpc";
import {
  createLeaseGrantResponse,
  createLeaseKeepAliveResponse,
  createLeaseLeasesResponse,
  createLeaseTimeToLiveResponse,
  decodeLeaseGrantRequest,
  decodeLeaseKeepAliveRequest,
  decodeLeaseLeasesRequest,
  decodeLeaseRevokeRequest,
  decodeLeaseTimeToLiveRequest,
  encodeLeaseGrantRequest,
  encodeLeaseGrantResponse,
  encodeLeaseKeepAliveResponse,
  encodeLeaseLeasesResponse,
  encodeLeaseRevokeRequest,
  encodeLeaseRevokeResponse,
  encodeLeaseTimeToLiveResponse,
  type LeaseGrantRequest,
  type LeaseRevokeRequest,
  type ResponseHeader,
} from "@quorate/protocol";
import { type HeaderResult, type LeaseGrantResult, leaseCostBytes, RequestKind } from "../../core/index.ts";
import type { LeaseOutcome } from "../lease-requests.ts";
import { responseHeader } from "./header.ts";
import type { NodeContext } from "./node-context.ts";
import type { Proposer, WriteMethod } from "./proposal.ts";
import { failUndecodable, failUndecodableStream, failWith, isWellFormed } from "./reply.ts";

/** One stream of renewals. Where the leader is elsewhere, answers come later, and the stream may be over by then. */
class KeepAliveStream {
  readonly #context: NodeContext;
  readonly #call: StreamCall;
  #isOver = false;
  #waiting = 0;
  #isHalfClosed = false;

  constructor(context: NodeContext, call: StreamCall) {
    this.#context = context;
    this.#call = call;
  }

  open(): void {
    const call = this.#call;
    call.onMessage = (message) => this.#onMessage(message);
    call.onCancel = () => {
      this.#isOver = true;
    };
    call.onHalfClose = () => {
      this.#isHalfClosed = true;
      this.#endWhenAnswered();
    };
  }

  #onMessage(message: Uint8Array): void {
    let id: bigint;
    try {
      id = decodeLeaseKeepAliveRequest(message).id;
    } catch (error) {
      this.#isOver = true;
      failUndecodableStream(this.#call, error);
      return;
    }
    const header = responseHeader(this.#context);
    const refused = this.#context.access.renewLease(this.#call, id);
    if (refused !== undefined) {
      this.#answer(id, header, refused);
      return;
    }
    this.#waiting++;
    this.#context.leaseRequests.renew(id, (outcome) => {
      this.#waiting--;
      if (!this.#isOver) this.#answer(id, header, outcome);
    });
  }

  #answer(id: bigint, header: ResponseHeader, outcome: LeaseOutcome<number>): void {
    if (typeof outcome === "string" && outcome !== "leaseNotFound") {
      this.#isOver = true;
      failWith(this.#call, outcome);
      return;
    }
    // A lease nobody knows (any more) is told by TTL 0, not by an error.
    const ttl = typeof outcome === "string" ? 0 : outcome.value;
    if (ttl > 0) this.#context.counts.leasesRenewed++;
    this.#call.send(encodeLeaseKeepAliveResponse(createLeaseKeepAliveResponse({ header, id, ttl })));
    this.#endWhenAnswered();
  }

  #endWhenAnswered(): void {
    if (this.#isOver || !this.#isHalfClosed || this.#waiting > 0) return;
    this.#isOver = true;
    this.#call.end();
  }
}

/** `etcdserverpb.Lease`. gRPC API page, section 7. */
export class LeaseService {
  readonly #context: NodeContext;
  readonly #proposer: Proposer;

  constructor(context: NodeContext, proposer: Proposer) {
    this.#context = context;
    this.#proposer = proposer;
  }

  methods(): Readonly<Record<string, Method>> {
    return {
      LeaseGrant: { kind: "unary", handler: this.#grant },
      LeaseRevoke: { kind: "unary", handler: this.#revoke },
      LeaseKeepAlive: { kind: "bidi", handler: this.#keepAlive },
      LeaseTimeToLive: { kind: "unary", handler: this.#timeToLive },
      LeaseLeases: { kind: "unary", handler: this.#leases },
    };
  }

  readonly #grant: UnaryHandler = (call, message) => {
    let named = message;
    try {
      const request = decodeLeaseGrantRequest(message);
      // A lease the client left unnamed gets its ID here, so that all members know it by the same.
      if (request.id === 0n) {
        named = encodeLeaseGrantRequest({ ...request, id: this.#context.requestIds.nextLeaseId() });
      }
    } catch (error) {
      failUndecodable(call, error);
      return;
    }
    this.#proposer.submit(call, named, this.#grantMethod);
  };

  readonly #grantMethod: WriteMethod<LeaseGrantRequest, LeaseGrantResult> = {
    kind: RequestKind.LeaseGrant,
    decode: decodeLeaseGrantRequest,
    encode: encodeLeaseGrantRequest,
    check: (_request, call) => {
      if (this.#context.quota.admits(leaseCostBytes())) return this.#context.access.user(call);
      this.#context.raiseNoSpace();
      return "noSpace";
    },
    answer: (call, { id, ttlSeconds }) => {
      const header = responseHeader(this.#context);
      call.respond(encodeLeaseGrantResponse(createLeaseGrantResponse({ header, id, ttl: ttlSeconds })));
    },
  };

  readonly #revoke: UnaryHandler = (call, message) => this.#proposer.submit(call, message, this.#revokeMethod);

  readonly #revokeMethod: WriteMethod<LeaseRevokeRequest, HeaderResult> = {
    kind: RequestKind.LeaseRevoke,
    decode: decodeLeaseRevokeRequest,
    encode: encodeLeaseRevokeRequest,
    check: (_request, call) => this.#context.access.user(call),
    answer: (call, { revision }) =>
      call.respond(encodeLeaseRevokeResponse({ header: responseHeader(this.#context, revision) })),
  };

  readonly #keepAlive = (call: StreamCall): void => new KeepAliveStream(this.#context, call).open();

  readonly #timeToLive = (call: UnaryCall, message: Uint8Array): void => {
    let request: ReturnType<typeof decodeLeaseTimeToLiveRequest>;
    try {
      request = decodeLeaseTimeToLiveRequest(message);
    } catch (error) {
      failUndecodable(call, error);
      return;
    }
    const { access } = this.#context;
    const refused = request.keys ? access.leaseKeys(call, [request.id]) : access.user(call);
    if (refused !== undefined) {
      failWith(call, refused);
      return;
    }
    const authRevision = access.revision;
    const header = responseHeader(this.#context);
    this.#context.leaseRequests.timeToLive(request.id, request.keys, (outcome) => {
      if (request.keys && access.isEnabled && access.revision !== authRevision) failWith(call, "authOldRevision");
      else if (typeof outcome === "string" && outcome !== "leaseNotFound") {
        failWith(call, outcome);
      } else {
        const fields = typeof outcome === "string" ? { id: request.id, ttl: -1, keys: [] } : outcome.value;
        // The leader may know of keys that this member has still to apply.
        const denied = access.toldKeys(call, fields.keys);
        if (denied !== undefined) failWith(call, denied);
        else call.respond(encodeLeaseTimeToLiveResponse(createLeaseTimeToLiveResponse({ ...fields, header })));
      }
    });
  };

  readonly #leases = (call: UnaryCall, message: Uint8Array): void => {
    if (!isWellFormed(call, message, decodeLeaseLeasesRequest)) return;
    const ids = this.#context.lessor.leases();
    const refused = this.#context.access.leaseKeys(call, ids);
    if (refused !== undefined) {
      failWith(call, refused);
      return;
    }
    const header = responseHeader(this.#context);
    const leases = ids.map((id) => ({ id }));
    call.respond(encodeLeaseLeasesResponse(createLeaseLeasesResponse({ header, leases })));
  };
}
