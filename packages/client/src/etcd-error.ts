import { ERRORS, type ErrorCode, grpcCodeNamed } from "@quorate/protocol";
import { GrpcStatus } from "./grpc-status.ts";

/**
 * What went wrong on the client's side:
 * - `unreachable`: no endpoint could be connected to in time; nothing was sent.
 * - `connectionLost`: the connection or its stream broke while the call was under way; it may have been carried out.
 * - `aborted`: the caller's AbortSignal; a call under way may have been carried out.
 * - `closed`: the client, watch, session or lock was closed.
 * - `messageTooLarge`: a message beyond the limit of the client or of the server's transport.
 * - `unimplemented`: the server does not know the method.
 * - `leaseLost`: a lease expired, was revoked, or could not be renewed within its time to live.
 * - `snapshotDamaged`: a snapshot came incomplete or with another checksum than the server told.
 * - `unrecognized`: a text that etcd's catalogue does not have; `grpcCode` and `message` say more.
 */
export type ClientErrorCode =
  | "unreachable"
  | "connectionLost"
  | "aborted"
  | "closed"
  | "messageTooLarge"
  | "unimplemented"
  | "leaseLost"
  | "snapshotDamaged"
  | "unrecognized";

/** One of etcd's own errors, named as in the catalogue of `@quorate/protocol`, or one of the client's. */
export type EtcdErrorCode = ErrorCode | ClientErrorCode;

export interface EtcdErrorFields {
  readonly code: EtcdErrorCode;
  readonly grpcCode: number;
  readonly message: string;
  readonly endpoint?: string | undefined;
  readonly mayHaveApplied?: boolean | undefined;
  readonly compactRevision?: number | undefined;
  readonly cause?: unknown;
}

/** Recognises errors of other copies of this package and of other realms. */
const BRAND = Symbol.for("@quorate/client.EtcdError");

/** Every failure of this package, wrong options aside (those are TypeErrors). Tell failures apart by `code`. */
export class EtcdError extends Error {
  override readonly name = "EtcdError";
  /** What happened. */
  readonly code: EtcdErrorCode;
  /** The gRPC status, a number of {@link GrpcStatus}: as the server sent it, or what the client's own failure amounts to. */
  readonly grpcCode: number;
  /** The endpoint that answered or was asked, as it was given to the client; undefined if none was. */
  readonly endpoint: string | undefined;
  /** True if the request reached a server or may have, and its effect is unknown. False: it had none. */
  readonly mayHaveApplied: boolean;
  /** With the code `compacted` of a watch: the oldest revision that can still be read. */
  readonly compactRevision: number | undefined;

  constructor(fields: EtcdErrorFields) {
    super(fields.message, fields.cause === undefined ? {} : { cause: fields.cause });
    Object.defineProperty(this, BRAND, { value: true });
    this.code = fields.code;
    this.grpcCode = fields.grpcCode;
    this.endpoint = fields.endpoint;
    this.mayHaveApplied = fields.mayHaveApplied ?? false;
    this.compactRevision = fields.compactRevision;
  }
}

/** True for an {@link EtcdError} of any copy of this package, and with `code` only for that one. */
export function isEtcdError(value: unknown, code?: EtcdErrorCode): value is EtcdError {
  if (typeof value !== "object" || value === null || !(BRAND in value)) return false;
  return code === undefined || (value as { readonly code?: unknown }).code === code;
}

const BY_MESSAGE: ReadonlyMap<string, ErrorCode> = new Map(
  Object.entries(ERRORS).map(([code, error]) => [error.message, code as ErrorCode]),
);

/** The texts with which grpc-js says that a request was never written to a connection. */
const NEVER_SENT =
  /^(No connection established|Name resolution failed|Failed to parse|Channel closed before call started|Stream refused by server)/;

/**
 * The error for a status that is not OK. Texts decide, as they do for etcd's own clients: some errors travel under another
 * code than they are declared with. Source: reference of etcd's errors, section 3 and 4.
 */
export function errorFromStatus(grpcCode: number, message: string, endpoint?: string): EtcdError {
  const known = BY_MESSAGE.get(message);
  const code = known ?? clientCode(grpcCode, message);
  return new EtcdError({ code, grpcCode, message, endpoint, mayHaveApplied: mayHaveApplied(grpcCode, code) });
}

/**
 * The error inside the reason of a cancelled watch: a bare text, or Go's `rpc error: code = C desc = text`. etcd's own client
 * takes FailedPrecondition where no code is told. Source: reference of the API, section 6.4.
 */
export function errorFromReason(reason: string, endpoint?: string): EtcdError {
  const parts = /^rpc error: code = (\w+) desc = ([\s\S]*)$/.exec(reason);
  if (parts !== null) return errorFromStatus(grpcCodeNamed(parts[1] ?? ""), parts[2] ?? "", endpoint);
  const known = BY_MESSAGE.get(reason);
  const grpcCode = known === undefined ? GrpcStatus.FAILED_PRECONDITION : ERRORS[known].grpcCode;
  return new EtcdError({ code: known ?? "unrecognized", grpcCode, message: reason, endpoint });
}

/** The error for what a caller's signal was aborted with. */
export function abortedError(signal: AbortSignal, mayHaveApplied: boolean = false): EtcdError {
  return new EtcdError({
    code: "aborted",
    grpcCode: GrpcStatus.CANCELLED,
    message: "the operation was aborted",
    mayHaveApplied,
    cause: signal.reason,
  });
}

/** The error for the use of something closed, or closed while it was used: `what` names it. */
export function closedError(what: string, mayHaveApplied: boolean = false): EtcdError {
  const message = `the ${what} is closed`;
  return new EtcdError({ code: "closed", grpcCode: GrpcStatus.CANCELLED, message, mayHaveApplied });
}

function clientCode(grpcCode: number, message: string): EtcdErrorCode {
  if (NEVER_SENT.test(message)) return "unreachable";
  switch (grpcCode) {
    case GrpcStatus.DEADLINE_EXCEEDED:
      return "deadlineExceeded";
    case GrpcStatus.UNAVAILABLE:
      return "connectionLost";
    case GrpcStatus.INTERNAL:
      return /RST_STREAM|HTTP\/2 stream/.test(message) ? "connectionLost" : "unrecognized";
    case GrpcStatus.UNIMPLEMENTED:
      return "unimplemented";
    case GrpcStatus.RESOURCE_EXHAUSTED:
      return /larger than max/.test(message) ? "messageTooLarge" : "unrecognized";
    default:
      return "unrecognized";
  }
}

function mayHaveApplied(grpcCode: number, code: EtcdErrorCode): boolean {
  if (code === "unreachable") return false;
  switch (grpcCode) {
    case GrpcStatus.CANCELLED:
    case GrpcStatus.UNKNOWN:
    case GrpcStatus.DEADLINE_EXCEEDED:
    case GrpcStatus.INTERNAL:
      return true;
    case GrpcStatus.UNAVAILABLE:
      // The only one of etcd's that is decided before anything is proposed, whatever the method.
      return code !== "unhealthy";
    // etcd tells of a full database also after it has applied the write that filled it.
    case GrpcStatus.RESOURCE_EXHAUSTED:
      return code === "noSpace";
    default:
      return false;
  }
}
