import type { HpackDecoder } from "./hpack/decoder.ts";
import { type HeaderField, isWellFormed } from "./hpack/field.ts";
import { RequestMetadata } from "./metadata.ts";
import type { MethodEntry, MethodTable } from "./methods.ts";
import { Status } from "./status.ts";

/** What becomes of a request by its header fields alone. */
export type Verdict =
  /** A gRPC call of a known method. */
  | "call"
  /** Answered at once with the head's status. */
  | "reject"
  /** Not gRPC: for the HTTP server. */
  | "http"
  /** Breaks HTTP/2: the stream is reset. */
  | "malformed";

/**
 * All that header fields say about a request, except its `grpc-timeout`. Immutable and shared by every request with the
 * same fields.
 */
export interface RequestHead {
  readonly verdict: Verdict;
  readonly path: string;
  readonly method: MethodEntry | undefined;
  readonly metadata: RequestMetadata;
  readonly gzip: boolean;
  /** From `content-length`; -1 when absent. */
  readonly contentLength: number;
  /** For `reject`: HTTP status, gRPC status and message. */
  readonly httpStatus: number;
  readonly code: number;
  readonly message: string;
  readonly fields: readonly HeaderField[];
}

/** Distinct heads remembered per connection; a client that uses more pays for parsing. */
const HEADS_MAX = 32;

const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "proxy-connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);

/**
 * The request heads seen on one connection. A client repeats the same call with the same indexed fields, so the decoded
 * sequence consists of the same objects: found by hash, checked by identity, it costs no parsing. Clients that send a
 * changing `grpc-timeout` (grpc-go inserts each into the dynamic table, moving all indexes) are served as well, since that
 * field is replaced by a placeholder.
 */
export class RequestHeads {
  readonly #methods: MethodTable;
  readonly #hasHttp: boolean;
  readonly #heads = new Map<number, RequestHead>();

  constructor(methods: MethodTable, hasHttp: boolean) {
    this.#methods = methods;
    this.#hasHttp = hasHttp;
  }

  /** The head for what `decoder` decoded last; not to be asked when its list was too large. */
  head(decoder: HpackDecoder): RequestHead {
    const known = this.#heads.get(decoder.hash);
    if (known !== undefined && sameFields(known.fields, decoder)) return known;
    const head = this.#parse(decoder.fields.slice(0, decoder.count));
    if (decoder.repeatable) {
      if (this.#heads.size >= HEADS_MAX) this.#heads.clear();
      this.#heads.set(decoder.hash, head);
    }
    return head;
  }

  #parse(fields: readonly HeaderField[]): RequestHead {
    const scan = scanFields(fields);
    const build = (verdict: Verdict, httpStatus = 200, code = 0, message = ""): RequestHead => ({
      verdict,
      path: scan.path,
      method: verdict === "call" ? this.#methods.find(scan.path) : undefined,
      metadata: new RequestMetadata(fields),
      gzip: scan.encoding === "gzip",
      contentLength: scan.contentLength,
      httpStatus,
      code,
      message,
      fields,
    });
    if (scan.malformed) return build("malformed");
    const grpc = /^application\/grpc(?:[+;]|$)/.test(scan.contentType);
    if (!grpc && this.#hasHttp) return build("http");
    if (scan.method !== "POST")
      return build(
        "reject",
        405,
        Status.INTERNAL,
        `Received a HEADERS frame with :method "${scan.method}" which should be POST`,
      );
    if (!grpc)
      return build(
        "reject",
        415,
        Status.INVALID_ARGUMENT,
        `invalid gRPC request content-type ${JSON.stringify(scan.contentType)}`,
      );
    if (scan.hosts > 1)
      return build("reject", 400, Status.INTERNAL, "more than one host header, HTTP/2 allows at most one");
    if (this.#methods.find(scan.path) === undefined)
      return build("reject", 200, Status.UNIMPLEMENTED, this.#methods.explainMissing(scan.path));
    if (scan.encoding !== "" && scan.encoding !== "identity" && scan.encoding !== "gzip")
      return build(
        "reject",
        200,
        Status.UNIMPLEMENTED,
        `grpc: Decompressor is not installed for grpc-encoding ${JSON.stringify(scan.encoding)}`,
      );
    return build("call");
  }
}

function sameFields(fields: readonly HeaderField[], decoder: HpackDecoder): boolean {
  if (fields.length !== decoder.count) return false;
  for (let i = 0; i < fields.length; i++) if (fields[i] !== decoder.fields[i]) return false;
  return true;
}

interface Scan {
  malformed: boolean;
  method: string;
  path: string;
  scheme: string;
  authority: string;
  contentType: string;
  encoding: string;
  contentLength: number;
  hosts: number;
}

/** Collects the fields the server reads, and checks the rules of RFC 9113 section 8.2 and 8.3 on the way. */
function scanFields(fields: readonly HeaderField[]): Scan {
  const scan: Scan = {
    malformed: false,
    method: "",
    path: "",
    scheme: "",
    authority: "",
    contentType: "",
    encoding: "",
    contentLength: -1,
    hosts: 0,
  };
  const pseudo = new Set<string>();
  let regularSeen = false;
  for (const field of fields) {
    const { name, value } = field;
    if (!isWellFormed(field)) scan.malformed = true;
    if (name.startsWith(":")) {
      if (regularSeen || pseudo.has(name) || !takePseudo(scan, name, value)) scan.malformed = true;
      pseudo.add(name);
    } else {
      regularSeen = true;
      if (!takeRegular(scan, name, value)) scan.malformed = true;
    }
  }
  if (scan.method === "" || scan.path === "" || scan.scheme === "") scan.malformed = true;
  return scan;
}

function takePseudo(scan: Scan, name: string, value: string): boolean {
  switch (name) {
    case ":method":
      scan.method = value;
      return true;
    case ":path":
      scan.path = value;
      return true;
    case ":scheme":
      scan.scheme = value;
      return true;
    case ":authority":
      scan.authority = value;
      return true;
    default:
      return false;
  }
}

function takeRegular(scan: Scan, name: string, value: string): boolean {
  switch (name) {
    case "content-type":
      scan.contentType = value;
      return true;
    case "grpc-encoding":
      scan.encoding = value;
      return true;
    case "te":
      return value === "trailers";
    case "host":
      scan.hosts++;
      return true;
    case "content-length": {
      const length = /^[0-9]{1,15}$/.test(value) ? Number(value) : -2;
      if (length === -2 || (scan.contentLength !== -1 && scan.contentLength !== length)) return false;
      scan.contentLength = length;
      return true;
    }
    default:
      return !CONNECTION_FIELDS.has(name);
  }
}

/** Whether the fields may be the trailers of a request: well formed, none of them a pseudo-header. */
export function validTrailers(decoder: HpackDecoder): boolean {
  for (let i = 0; i < decoder.count; i++) {
    const field = decoder.fields[i] as HeaderField;
    if (!isWellFormed(field) || field.name.startsWith(":") || CONNECTION_FIELDS.has(field.name)) return false;
  }
  return true;
}
