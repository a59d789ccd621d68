import type { Method, Services, StreamHandler, UnaryHandler } from "@quorate/grpc";
import {
  createDeleteRangeRequest,
  createLeaseGrantRequest,
  type DeleteRangeResponse,
  decodeDeleteRangeResponse,
  decodeLeaseGrantResponse,
  decodeRangeResponse,
  decodeTxnResponse,
  encodeDeleteRangeRequest,
  encodeLeaseGrantRequest,
  encodeRangeRequest,
  encodeTxnRequest,
  type RangeRequest,
  type RangeResponse,
  type TxnRequest,
  type TxnResponse,
  type WatchCreateRequest,
} from "@quorate/protocol";
import type { Caller } from "./caller.ts";
import { innerCall } from "./inner-call.ts";
import { InnerWatch } from "./inner-watch.ts";

/** Of a lease that the server grants because the client brought none; etcd's figure. */
const SESSION_TTL_SECONDS = 60;

const RANGE = "etcdserverpb.KV/Range";
const DELETE_RANGE = "etcdserverpb.KV/DeleteRange";
const TXN = "etcdserverpb.KV/Txn";
const LEASE_GRANT = "etcdserverpb.Lease/LeaseGrant";
const WATCH = "etcdserverpb.Watch/Watch";

/**
 * The member's own API without a connection, in the name of one caller: every check that holds for a client's request holds for
 * these. Calls reject with an `InnerStatus`. gRPC API page, section 12.
 */
export class InnerClient {
  readonly #services: Services;
  readonly caller: Caller;

  constructor(services: Services, caller: Caller) {
    this.#services = services;
    this.caller = caller;
  }

  async range(request: RangeRequest): Promise<RangeResponse> {
    return decodeRangeResponse(await this.#unary(RANGE, encodeRangeRequest(request)));
  }

  async txn(request: TxnRequest): Promise<TxnResponse> {
    return decodeTxnResponse(await this.#unary(TXN, encodeTxnRequest(request)));
  }

  async delete(key: Uint8Array): Promise<DeleteRangeResponse> {
    const request = encodeDeleteRangeRequest(createDeleteRangeRequest({ key }));
    return decodeDeleteRangeResponse(await this.#unary(DELETE_RANGE, request));
  }

  /** The lease itself, or for 0 a new one that nobody keeps alive. */
  async leaseOrNew(lease: bigint): Promise<bigint> {
    if (lease !== 0n) return lease;
    const request = encodeLeaseGrantRequest(createLeaseGrantRequest({ ttl: SESSION_TTL_SECONDS }));
    return decodeLeaseGrantResponse(await this.#unary(LEASE_GRANT, request)).id;
  }

  /** Close it, unless its end was met. */
  watch(request: WatchCreateRequest): InnerWatch {
    return new InnerWatch(`/${WATCH}`, this.#stream(WATCH), this.caller, request);
  }

  #unary(name: string, request: Uint8Array): Promise<Uint8Array> {
    return innerCall(`/${name}`, this.#handler(name), this.caller, request);
  }

  #handler(name: string): UnaryHandler {
    const method = this.#method(name);
    if (method.kind !== "unary") throw new TypeError(`${name} is not unary`);
    return method.handler;
  }

  #stream(name: string): StreamHandler {
    const method = this.#method(name);
    if (method.kind === "unary") throw new TypeError(`${name} is unary`);
    return method.handler;
  }

  #method(name: string): Method {
    const [service = "", method = ""] = name.split("/");
    const found = this.#services[service]?.[method];
    if (found === undefined) throw new TypeError(`there is no method ${name}`);
    return found;
  }
}
