import { bytesFromLatin1 } from "@quorate/base";
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
  encodeLeaseRevokeResponse,
  encodeLeaseTimeToLiveResponse,
  type LeaseGrantRequest,
  type LeaseRevokeRequest,
} from "@quorate/protocol";
import { type HeaderResult, type LeaseGrantResult, leaseCostBytes, RequestKind } from "../../core/index.ts";
import { responseHeader } from "./header.ts";
import type { NodeContext } from "./node-context.ts";
import type { Proposer, WriteMethod } from "./proposal.ts";
import { failUndecodable, failUndecodableStream, isWellFormed } from "./reply.ts";

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
    check: () => {
      if (this.#context.quota.admits(leaseCostBytes())) return undefined;
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
    check: () => undefined,
    answer: (call, { revision }) =>
      call.respond(encodeLeaseRevokeResponse({ header: responseHeader(this.#context, revision) })),
  };

  readonly #keepAlive = (call: StreamCall): void => {
    call.onMessage = (message) => {
      let id: bigint;
      try {
        id = decodeLeaseKeepAliveRequest(message).id;
      } catch (error) {
        failUndecodableStream(call, error);
        return;
      }
      this.#renew(call, id);
    };
    call.onHalfClose = () => call.end();
  };

  #renew(call: StreamCall, id: bigint): void {
    const { lessor, nowMs } = this.#context;
    const header = responseHeader(this.#context);
    const renewed = lessor.renew(id, nowMs());
    if (typeof renewed === "number") this.#context.counts.leasesRenewed++;
    // A lease nobody knows (any more) is told by TTL 0, not by an error.
    const ttl = typeof renewed === "string" ? 0 : renewed;
    call.send(encodeLeaseKeepAliveResponse(createLeaseKeepAliveResponse({ header, id, ttl })));
  }

  readonly #timeToLive = (call: UnaryCall, message: Uint8Array): void => {
    const { lessor, nowMs } = this.#context;
    let request: ReturnType<typeof decodeLeaseTimeToLiveRequest>;
    try {
      request = decodeLeaseTimeToLiveRequest(message);
    } catch (error) {
      failUndecodable(call, error);
      return;
    }
    const header = responseHeader(this.#context);
    const found = lessor.timeToLive(request.id, nowMs());
    const fields =
      found === undefined
        ? { header, id: request.id, ttl: -1 }
        : {
            header,
            id: request.id,
            ttl: found.ttl,
            grantedTtl: found.grantedTtl,
            keys: request.keys ? lessor.keysOf(request.id).map(bytesFromLatin1) : [],
          };
    call.respond(encodeLeaseTimeToLiveResponse(createLeaseTimeToLiveResponse(fields)));
  };

  readonly #leases = (call: UnaryCall, message: Uint8Array): void => {
    if (!isWellFormed(call, message, decodeLeaseLeasesRequest)) return;
    const header = responseHeader(this.#context);
    const leases = this.#context.lessor.leases().map((id) => ({ id }));
    call.respond(encodeLeaseLeasesResponse(createLeaseLeasesResponse({ header, leases })));
  };
}
