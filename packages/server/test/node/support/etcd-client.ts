import * as grpc from "@grpc/grpc-js";
import { utf8Bytes } from "@quorate/base";
import {
  createAlarmRequest,
  createCompactionRequest,
  createDeleteRangeRequest,
  createHashKVRequest,
  createLeaseGrantRequest,
  createLeaseRevokeRequest,
  createLeaseTimeToLiveRequest,
  createMemberAddRequest,
  createMemberListRequest,
  createMemberPromoteRequest,
  createMemberRemoveRequest,
  createMoveLeaderRequest,
  createPutRequest,
  createRangeRequest,
  createTxnRequest,
  decodeAlarmResponse,
  decodeCompactionResponse,
  decodeDefragmentResponse,
  decodeDeleteRangeResponse,
  decodeHashKVResponse,
  decodeHashResponse,
  decodeLeaseGrantResponse,
  decodeLeaseLeasesResponse,
  decodeLeaseRevokeResponse,
  decodeLeaseTimeToLiveResponse,
  decodeMemberAddResponse,
  decodeMemberListResponse,
  decodeMemberPromoteResponse,
  decodeMemberRemoveResponse,
  decodeMoveLeaderResponse,
  decodePutResponse,
  decodeRangeResponse,
  decodeStatusResponse,
  decodeTxnResponse,
  encodeAlarmRequest,
  encodeCompactionRequest,
  encodeDeleteRangeRequest,
  encodeHashKVRequest,
  encodeLeaseGrantRequest,
  encodeLeaseRevokeRequest,
  encodeLeaseTimeToLiveRequest,
  encodeMemberAddRequest,
  encodeMemberListRequest,
  encodeMemberPromoteRequest,
  encodeMemberRemoveRequest,
  encodeMoveLeaderRequest,
  encodePutRequest,
  encodeRangeRequest,
  encodeTxnRequest,
} from "@quorate/protocol";
import { MessageStream } from "./message-stream.ts";

const NOTHING: Uint8Array = new Uint8Array(0);
const same = (bytes: Buffer): Buffer => bytes;

/** Text or bytes, as tests like to write keys and values. */
export const b: (text: string) => Uint8Array = utf8Bytes;

type Call<Q, R> = (request?: Partial<Q>) => Promise<R>;

/** How a call ended that was not OK. */
export interface Refusal {
  readonly code: number;
  readonly details: string;
}

/** The independent client `@grpc/grpc-js`, with the messages of the API. Calls reject with a ServiceError. */
export class EtcdClient {
  readonly #client: grpc.Client;
  readonly #streams: grpc.Call[] = [];
  /** Sent with every unary call, if set. */
  token: string | undefined;

  constructor(port: number) {
    this.#client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
      "grpc.max_receive_message_length": -1,
      "grpc.use_local_subchannel_pool": 1,
    });
  }

  readonly range = this.#unary("KV/Range", createRangeRequest, encodeRangeRequest, decodeRangeResponse);
  readonly put = this.#unary("KV/Put", createPutRequest, encodePutRequest, decodePutResponse);
  readonly deleteRange = this.#unary(
    "KV/DeleteRange",
    createDeleteRangeRequest,
    encodeDeleteRangeRequest,
    decodeDeleteRangeResponse,
  );
  readonly txn = this.#unary("KV/Txn", createTxnRequest, encodeTxnRequest, decodeTxnResponse);
  readonly compact = this.#unary(
    "KV/Compact",
    createCompactionRequest,
    encodeCompactionRequest,
    decodeCompactionResponse,
  );
  readonly leaseGrant = this.#unary(
    "Lease/LeaseGrant",
    createLeaseGrantRequest,
    encodeLeaseGrantRequest,
    decodeLeaseGrantResponse,
  );
  readonly leaseRevoke = this.#unary(
    "Lease/LeaseRevoke",
    createLeaseRevokeRequest,
    encodeLeaseRevokeRequest,
    decodeLeaseRevokeResponse,
  );
  readonly leaseTimeToLive = this.#unary(
    "Lease/LeaseTimeToLive",
    createLeaseTimeToLiveRequest,
    encodeLeaseTimeToLiveRequest,
    decodeLeaseTimeToLiveResponse,
  );
  readonly leaseLeases = this.#bare("Lease/LeaseLeases", decodeLeaseLeasesResponse);
  readonly memberList = this.#unary(
    "Cluster/MemberList",
    createMemberListRequest,
    encodeMemberListRequest,
    decodeMemberListResponse,
  );
  readonly memberAdd = this.#unary(
    "Cluster/MemberAdd",
    createMemberAddRequest,
    encodeMemberAddRequest,
    decodeMemberAddResponse,
  );
  readonly memberRemove = this.#unary(
    "Cluster/MemberRemove",
    createMemberRemoveRequest,
    encodeMemberRemoveRequest,
    decodeMemberRemoveResponse,
  );
  readonly memberPromote = this.#unary(
    "Cluster/MemberPromote",
    createMemberPromoteRequest,
    encodeMemberPromoteRequest,
    decodeMemberPromoteResponse,
  );
  readonly moveLeader = this.#unary(
    "Maintenance/MoveLeader",
    createMoveLeaderRequest,
    encodeMoveLeaderRequest,
    decodeMoveLeaderResponse,
  );
  readonly alarm = this.#unary("Maintenance/Alarm", createAlarmRequest, encodeAlarmRequest, decodeAlarmResponse);
  readonly status = this.#bare("Maintenance/Status", decodeStatusResponse);
  readonly defragment = this.#bare("Maintenance/Defragment", decodeDefragmentResponse);
  readonly hash = this.#bare("Maintenance/Hash", decodeHashResponse);
  readonly hashKv = this.#unary("Maintenance/HashKV", createHashKVRequest, encodeHashKVRequest, decodeHashKVResponse);

  /** A unary call of raw bytes: `path` is `Service/Method` of etcd, or begins with a slash and is taken as it is. */
  raw(path: string, message: Uint8Array = NOTHING): Promise<Buffer> {
    return this.start(path, message).response;
  }

  /** The same for a call that may be given up. */
  start(path: string, message: Uint8Array): { readonly response: Promise<Buffer>; readonly cancel: () => void } {
    let cancel = (): void => {};
    const response = new Promise<Buffer>((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        fullPath(path),
        same,
        same,
        Buffer.from(message),
        this.token === undefined ? new grpc.Metadata() : metadataOf({ token: this.token }),
        { deadline: Date.now() + 10_000 },
        (error, answer) => {
          if (error === null && answer !== undefined) resolve(answer);
          else reject(error ?? new Error("no response"));
        },
      );
      cancel = () => call.cancel();
    });
    return { response, cancel };
  }

  serverStream(path: string, message: Uint8Array, metadata: Readonly<Record<string, string>> = {}): MessageStream {
    const request = Buffer.from(message);
    const call = this.#client.makeServerStreamRequest(fullPath(path), same, same, request, metadataOf(metadata));
    this.#streams.push(call);
    return new MessageStream(call, undefined);
  }

  /** `metadata`: names and values sent with the call. */
  bidiStream(path: string, metadata: Readonly<Record<string, string>> = {}): MessageStream {
    const call = this.#client.makeBidiStreamRequest(fullPath(path), same, same, metadataOf(metadata));
    this.#streams.push(call);
    return new MessageStream(call, call);
  }

  close(): void {
    for (const stream of this.#streams) stream.cancel();
    this.#client.close();
  }

  #unary<Q, R>(
    path: string,
    create: (init?: Partial<Q>) => Q,
    encode: (request: Q) => Uint8Array,
    decode: (bytes: Uint8Array) => R,
  ): Call<Q, R> {
    return async (request) => decode(await this.raw(path, encode(create(request))));
  }

  #bare<R>(path: string, decode: (bytes: Uint8Array) => R): () => Promise<R> {
    return async () => decode(await this.raw(path));
  }
}

function metadataOf(values: Readonly<Record<string, string>>): grpc.Metadata {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(values)) metadata.set(name, value);
  return metadata;
}

function fullPath(path: string): string {
  return path.startsWith("/") ? path : `/etcdserverpb.${path}`;
}

/** Code and text with which a call was refused; `{ code: 0 }` when it was not. */
export async function refusal(call: Promise<unknown>): Promise<Refusal> {
  try {
    await call;
    return { code: 0, details: "" };
  } catch (error) {
    const { code, details } = error as grpc.ServiceError;
    return { code, details };
  }
}
