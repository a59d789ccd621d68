import type { OutgoingHttpHeaders } from "node:http";
import { utf8Bytes } from "@quorate/base";
import {
  createLeaseInternalRequest,
  createLeaseKeepAliveRequest,
  createLeaseTimeToLiveRequest,
  DecodeError,
  decodeLeaseInternalResponse,
  decodeLeaseKeepAliveResponse,
  encodeLeaseInternalRequest,
  encodeLeaseKeepAliveRequest,
  type LeaseTimeToLiveResponse,
} from "@quorate/protocol";
import { type ClusterMember, parseMemberJson } from "../../core/index.ts";
import { errorText, PeerDialer } from "./peer-dialer.ts";
import { header, hex, parseHexId } from "./peer-headers.ts";
import type { PeerHash, PeerVersions } from "./peer-http-source.ts";
import type { PeerClientTls } from "./peer-tls.ts";

const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

/** A request to another member did not come to a good end. */
export class PeerRequestError extends Error {
  override readonly name = "PeerRequestError";
  /** Status of the answer; 0 if there was none. */
  readonly status: number;
  /** Text of the answer, trimmed; of the failure where there was none. */
  readonly text: string;

  constructor(what: string, status: number, text: string) {
    super(status === 0 ? `${what}: ${text}` : `${what}: http status ${status}: ${text}`);
    this.status = status;
    this.text = text;
  }
}

/** Answer to {@link PeerClient.getMembers}. */
export interface PeerMembers {
  /** From the answer's header. */
  readonly clusterId: bigint;
  readonly members: readonly ClusterMember[];
}

interface Answer {
  readonly status: number;
  readonly clusterId: string | undefined;
  readonly body: Buffer;
}

/**
 * Asks other members what they answer beside raft. Every call takes one peer URL, and rejects with a PeerRequestError: status 0
 * when there is no answer within `timeoutMs`, else the answer's status and text. Peer protocol page, section 2.
 */
export class PeerClient {
  readonly #dialer: PeerDialer;

  /** Throws when a certificate or key cannot be read. */
  constructor(tls: PeerClientTls | undefined) {
    this.#dialer = new PeerDialer(tls);
  }

  async getMembers(url: string, timeoutMs: number): Promise<PeerMembers> {
    const answer = await this.#get(url, "/members", timeoutMs);
    const clusterId = parseHexId(answer.clusterId ?? "");
    if (clusterId === undefined) throw unreadable(url, "/members");
    return { clusterId, members: parseMembers(answer.body, url) };
  }

  async getVersion(url: string, timeoutMs: number): Promise<PeerVersions> {
    const { body } = await this.#get(url, "/version", timeoutMs);
    const { etcdserver, etcdcluster, storage } = parseRecord(body, url, "/version");
    // Releases before 3.6 have no storage version.
    if (typeof etcdserver !== "string" || typeof etcdcluster !== "string") throw unreadable(url, "/version");
    return { etcdserver, etcdcluster, storage: typeof storage === "string" ? storage : "" };
  }

  /** Whether a downgrade is going on, as the member sees it. */
  async getDowngradeEnabled(url: string, timeoutMs: number): Promise<boolean> {
    const { body } = await this.#get(url, "/downgrade/enabled", timeoutMs);
    return body.toString("latin1").trim() === "true";
  }

  /** Has the leader make a learner a voter; `token` is the client's, passed on. Members afterwards. */
  async promote(
    url: string,
    id: bigint,
    options: { readonly timeoutMs: number; readonly token?: string | undefined },
  ): Promise<readonly ClusterMember[]> {
    const headers = options.token === undefined ? {} : { Authorization: options.token };
    const path = `/members/promote/${id}`;
    const answer = await this.#request(url, { method: "POST", path, headers, body: EMPTY }, options.timeoutMs);
    return parseMembers(answer.body, url);
  }

  /** Renews a lease at the leader; its TTL in seconds. */
  async renewLease(url: string, id: bigint, timeoutMs: number): Promise<number> {
    const body = encodeLeaseKeepAliveRequest(createLeaseKeepAliveRequest({ id }));
    const answer = await this.#postProtobuf(url, "/leases", body, timeoutMs);
    return decoded(url, "/leases", () => decodeLeaseKeepAliveResponse(answer.body).ttl);
  }

  /** What the leader knows of a lease. */
  async timeToLive(
    url: string,
    id: bigint,
    options: { readonly keys: boolean; readonly timeoutMs: number },
  ): Promise<LeaseTimeToLiveResponse> {
    const leaseTimeToLiveRequest = createLeaseTimeToLiveRequest({ id, keys: options.keys });
    const body = encodeLeaseInternalRequest(createLeaseInternalRequest({ leaseTimeToLiveRequest }));
    const answer = await this.#postProtobuf(url, "/leases/internal", body, options.timeoutMs);
    const { leaseTimeToLiveResponse } = decoded(url, "/leases/internal", () =>
      decodeLeaseInternalResponse(answer.body),
    );
    if (leaseTimeToLiveResponse === undefined) throw unreadable(url, "/leases/internal");
    return leaseTimeToLiveResponse;
  }

  /** Hash of a member's key space at `revision`, 0 for the current one. The member checks the cluster ID. */
  async hashKv(
    url: string,
    revision: number,
    options: { readonly clusterId: bigint; readonly timeoutMs: number },
  ): Promise<PeerHash> {
    const path = "/members/hashkv";
    const headers = { "X-Etcd-Cluster-ID": hex(options.clusterId), "Content-Type": "application/json" };
    const body = utf8Bytes(JSON.stringify(revision === 0 ? {} : { revision }));
    const answer = await this.#request(url, { method: "GET", path, headers, body }, options.timeoutMs);
    const record = parseRecord(answer.body, url, path);
    const current = record["header"] as Readonly<Record<string, unknown>> | null | undefined;
    return {
      revision: numberOf(current?.["revision"]),
      hash: numberOf(record["hash"]),
      compactRevision: numberOf(record["compact_revision"]),
      hashRevision: numberOf(record["hash_revision"]),
    };
  }

  #get(url: string, path: string, timeoutMs: number): Promise<Answer> {
    return this.#request(url, { method: "GET", path, headers: {}, body: undefined }, timeoutMs);
  }

  #postProtobuf(url: string, path: string, body: Uint8Array, timeoutMs: number): Promise<Answer> {
    const headers = { "Content-Type": "application/protobuf" };
    return this.#request(url, { method: "POST", path, headers, body }, timeoutMs);
  }

  #request(url: string, { method, path, headers, body }: PeerBody, timeoutMs: number): Promise<Answer> {
    const what = `${method} ${url}${path}`;
    return new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { "Content-Length": body.length };
      const request = this.#dialer.request(url, {
        method,
        path,
        headers: { ...headers, ...length },
        idleTimeoutMs: timeoutMs,
      });
      const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      let failure = "connection closed";
      request.on("error", (error) => (failure = errorText(error)));
      request.once("close", () => {
        clearTimeout(timer);
        reject(new PeerRequestError(what, 0, failure));
      });
      request.on("response", (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          chunks.push(chunk);
          bytes += chunk.length;
          if (bytes > ANSWER_BYTES_MAX) request.destroy(new Error("answer is too large"));
        });
        response.on("error", () => {});
        response.on("end", () => {
          const whole = Buffer.concat(chunks);
          const status = response.statusCode ?? 0;
          if (status !== 200) reject(new PeerRequestError(what, status, whole.toString("utf8").trim().slice(0, 1000)));
          else resolve({ status, clusterId: header(response.headers, "x-etcd-cluster-id"), body: whole });
        });
      });
      request.end(body);
    });
  }
}

interface PeerBody {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Uint8Array | undefined;
}

const EMPTY = new Uint8Array(0);

function unreadable(url: string, path: string): PeerRequestError {
  return new PeerRequestError(`${url}${path}`, 200, "answer cannot be read");
}

function decoded<T>(url: string, path: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw error instanceof DecodeError ? unreadable(url, path) : error;
  }
}

function parseRecord(body: Buffer, url: string, path: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(body.toString("utf8"));
    if (typeof parsed === "object" && parsed !== null) return parsed as Readonly<Record<string, unknown>>;
  } catch {
    // Answered below like any other answer that is not what was asked for.
  }
  throw unreadable(url, path);
}

/**
 * A JSON array of members. Their IDs exceed what JSON.parse can hold exactly, so each is cut out of the text and read by
 * itself; braces inside strings do not count.
 */
function parseMembers(body: Buffer, url: string): readonly ClusterMember[] {
  const text = body.toString("utf8");
  const members = (text.match(/\{(?:[^{}"]|"(?:[^"\\]|\\.)*")*\}/g) ?? []).map((part) =>
    parseMemberJson(utf8Bytes(part)),
  );
  const good = members.filter((member) => member !== undefined);
  if (!text.trimStart().startsWith("[") || good.length === 0 || good.length !== members.length) {
    throw unreadable(url, "/members");
  }
  return good;
}

function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
