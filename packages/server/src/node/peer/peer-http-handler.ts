import type { IncomingMessage, ServerResponse } from "node:http";
import { concatBytes, InvariantError, utf8Bytes } from "@quorate/base";
import {
  createLeaseInternalResponse,
  createLeaseKeepAliveResponse,
  createResponseHeader,
  DecodeError,
  decodeLeaseInternalRequest,
  decodeLeaseKeepAliveRequest,
  encodeLeaseInternalResponse,
  encodeLeaseKeepAliveResponse,
} from "@quorate/protocol";
import { type ClusterMember, memberJson } from "../../core/index.ts";
import { allowMethod, answerBytes, answerText, PeerHttpError, readBody } from "./http-text.ts";
import { CLUSTER_ID_MISMATCH, header, hex } from "./peer-headers.ts";
import type { PeerHttpSource } from "./peer-http-source.ts";

const LEASE_BODY_BYTES_MAX = 64 * 1024;
const HASH_BODY_BYTES_MAX = 64 * 1024;
const JSON_TYPE = "application/json";
const PROTOBUF_TYPE = "application/protobuf";
const PROMOTE_PREFIX = "/members/promote/";

/** Answers what members ask each other beside raft. */
export class PeerHttpHandler {
  readonly #source: PeerHttpSource;
  readonly #clusterId: string;

  constructor(source: PeerHttpSource, clusterId: bigint) {
    this.#source = source;
    this.#clusterId = hex(clusterId);
  }

  /** Answers in any case; rejects only where an invariant of ours does not hold. */
  async handle(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#route(path, request, response);
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      if (error instanceof PeerHttpError) answerText(response, error.status, error.message);
      else if (error instanceof DecodeError) answerText(response, 400, `error unmarshalling request: ${error.message}`);
      else answerText(response, 500, error instanceof Error ? error.message : "internal server error");
      if (!request.complete) response.once("finish", () => request.destroy());
    }
  }

  async #route(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    // How long an answer takes is the source's to bound.
    request.socket.setTimeout(0);
    switch (path) {
      case "/version":
        if (allowMethod(request, response, "GET")) answerBytes(response, JSON_TYPE, this.#versions());
        return;
      case "/members":
        this.#members(request, response);
        return;
      case "/members/hashkv":
        await this.#hashKv(request, response);
        return;
      case "/leases":
        await this.#renewLease(request, response);
        return;
      case "/leases/internal":
        await this.#timeToLive(request, response);
        return;
      case "/downgrade/enabled":
        await this.#downgradeEnabled(request, response);
        return;
      default:
        await this.#other(path, request, response);
    }
  }

  async #other(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (path.startsWith(PROMOTE_PREFIX)) await this.#promote(path.slice(PROMOTE_PREFIX.length), request, response);
    else if (path.startsWith("/members/")) answerText(response, 400, "bad path");
    else answerText(response, 404, "404 page not found");
  }

  #versions(): string {
    const { etcdserver, etcdcluster, storage } = this.#source.versions();
    return JSON.stringify({ etcdserver, etcdcluster, storage });
  }

  #members(request: IncomingMessage, response: ServerResponse): void {
    if (!allowMethod(request, response, "GET")) return;
    response.setHeader("X-Etcd-Cluster-ID", this.#clusterId);
    answerBytes(response, JSON_TYPE, membersJson(this.#source.members()));
  }

  async #promote(id: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!allowMethod(request, response, "POST")) return;
    response.setHeader("X-Etcd-Cluster-ID", this.#clusterId);
    const number = /^\d{1,20}$/.test(id) ? BigInt(id) : undefined;
    if (number === undefined || number >= 1n << 64n) {
      answerText(response, 404, `member ${id} not found in cluster`);
      return;
    }
    const members = await this.#source.promote(number, header(request.headers, "authorization"));
    answerBytes(response, JSON_TYPE, membersJson(members));
  }

  async #hashKv(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader("X-Etcd-Cluster-ID", this.#clusterId);
    if (!allowMethod(request, response, "GET")) return;
    const claimed = header(request.headers, "x-etcd-cluster-id");
    if (claimed !== undefined && claimed !== this.#clusterId) {
      answerText(response, 412, CLUSTER_ID_MISMATCH);
      return;
    }
    const body = await readBody(request, HASH_BODY_BYTES_MAX);
    const revision = parseHashRequest(body.toString("utf8"));
    if (revision === undefined) throw new PeerHttpError(400, "error unmarshalling request");
    const { hash, compactRevision, hashRevision, revision: current } = await this.#source.hashKv(revision);
    // Zeros are left out, as Go's `omitempty` does.
    answerBytes(
      response,
      JSON_TYPE,
      JSON.stringify({
        header: current === 0 ? {} : { revision: current },
        ...(hash === 0 ? {} : { hash }),
        ...(compactRevision === 0 ? {} : { compact_revision: compactRevision }),
        ...(hashRevision === 0 ? {} : { hash_revision: hashRevision }),
      }),
    );
  }

  async #renewLease(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!allowMethod(request, response, "POST")) return;
    const { id } = decodeLeaseKeepAliveRequest(await readBody(request, LEASE_BODY_BYTES_MAX));
    const ttl = await this.#source.renewLease(id);
    answerBytes(response, PROTOBUF_TYPE, encodeLeaseKeepAliveResponse(createLeaseKeepAliveResponse({ id, ttl })));
  }

  async #timeToLive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!allowMethod(request, response, "POST")) return;
    const { leaseTimeToLiveRequest: inner } = decodeLeaseInternalRequest(await readBody(request, LEASE_BODY_BYTES_MAX));
    const known = await this.#source.timeToLive(inner?.id ?? 0n, inner?.keys ?? false);
    // A member of etcd fills the header in, and ends with a panic when there is none.
    const leaseTimeToLiveResponse = { ...known, header: createResponseHeader() };
    const answer = createLeaseInternalResponse({ leaseTimeToLiveResponse });
    answerBytes(response, PROTOBUF_TYPE, encodeLeaseInternalResponse(answer));
  }

  async #downgradeEnabled(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!allowMethod(request, response, "GET")) return;
    response.setHeader("X-Etcd-Cluster-ID", this.#clusterId);
    answerBytes(response, "text/plain", String(await this.#source.downgradeEnabled()));
  }
}

/** A JSON array of members in the order of their IDs, and a line feed. */
function membersJson(members: readonly ClusterMember[]): Uint8Array {
  const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : 1));
  const parts = sorted.flatMap((member, i) => (i === 0 ? [memberJson(member)] : [COMMA, memberJson(member)]));
  return concatBytes([utf8Bytes("["), ...parts, utf8Bytes("]\n")]);
}

const COMMA = utf8Bytes(",");

/** The revision asked for, 0 if none is named; undefined if the body is no such request. */
function parseHashRequest(body: string): number | undefined {
  try {
    const parsed = JSON.parse(body) as { readonly revision?: unknown } | null;
    const revision = parsed?.revision ?? 0;
    return typeof revision === "number" && Number.isSafeInteger(revision) ? revision : undefined;
  } catch {
    return undefined;
  }
}
