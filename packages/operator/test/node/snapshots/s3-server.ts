import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import S3rver from "s3rver";
import { signatureProblem } from "./signature-check.ts";

/**
 * s3rver on loopback, with a gateway in front of it that adds what s3rver lacks of Amazon's server (it checks signatures, lists
 * and ends unfinished uploads, gives long lists in pages, and keeps checksums if asked to) and through which tests see and disturb requests.
 */
export interface S3Server extends AsyncDisposable {
  readonly endpoint: string;
  readonly bucket: string;
  /** Method and path with query, in the order they came. */
  readonly requests: string[];
  /** Called for each request: what it gives is the status that is answered instead, `cut` breaks the answer off in the middle. */
  disturb: ((method: string, url: string) => number | "cut" | undefined) | undefined;
}

/** Credentials that the server takes. */
export const KEYS = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" } as const;

export interface S3ServerOptions {
  /** Answers with checksums, as Amazon's server does and older compatible ones do not. */
  readonly checksums?: boolean;
  /** Keys in one page of a list. Default 1,000. */
  readonly pageLength?: number;
  readonly tls?: { readonly cert: string; readonly key: string };
}

interface Upload {
  readonly path: string;
  readonly begun: string;
  readonly parts: Map<number, Buffer>;
}

export async function startS3Server(directory: string, options: S3ServerOptions = {}): Promise<S3Server> {
  const bucket = "backups";
  const inner = new S3rver({
    address: "127.0.0.1",
    port: 0,
    silent: true,
    directory,
    configureBuckets: [{ name: bucket, configs: [] }],
  });
  const innerAddress = (await inner.run()) as AddressInfo;
  const gateway = new Gateway(innerAddress.port, options);
  const handle = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    gateway.handle(incoming, outgoing).catch(() => outgoing.destroy());
  };
  const server = options.tls === undefined ? createServer(handle) : createTlsServer(options.tls, handle);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `${options.tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    bucket,
    requests: gateway.requests,
    get disturb() {
      return gateway.disturb;
    },
    set disturb(value) {
      gateway.disturb = value;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await inner.close();
    },
  };
}

class Gateway {
  readonly requests: string[] = [];
  disturb: S3Server["disturb"];
  readonly #port: number;
  readonly #options: S3ServerOptions;
  readonly #uploads = new Map<string, Upload>();
  readonly #checksumOf = new Map<string, string>();

  constructor(port: number, options: S3ServerOptions) {
    this.#port = port;
    this.#options = options;
  }

  async handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = "", url = "", headers } = incoming;
    this.requests.push(`${method} ${url}`);
    const parts: Buffer[] = [];
    for await (const part of incoming as AsyncIterable<Buffer>) parts.push(part);
    const body = Buffer.concat(parts);
    const disturbance = this.disturb?.(method, url);
    if (typeof disturbance === "number") {
      outgoing.writeHead(disturbance).end();
      return;
    }
    const problem = signatureProblem({ method, url, headers, body }, KEYS.secretAccessKey);
    if (problem !== undefined) {
      outgoing.writeHead(403).end(`<Error><Code>SignatureDoesNotMatch</Code><Message>${problem}</Message></Error>`);
      return;
    }
    const { pathname, searchParams } = new URL(url, "http://gateway");
    if (method === "GET" && searchParams.has("uploads")) {
      outgoing.writeHead(200).end(this.#listUploads(searchParams.get("prefix") ?? "", pathname));
      return;
    }
    const uploadId = searchParams.get("uploadId");
    if (method === "DELETE" && uploadId !== null) {
      outgoing.writeHead(this.#uploads.delete(uploadId) ? 204 : 404).end();
      return;
    }
    const isList = searchParams.get("list-type") === "2";
    const path = isList ? `${pathname}?${this.#firstKind(searchParams)}` : url;
    const onward = request({ host: "127.0.0.1", port: this.#port, method, path, headers });
    onward.end(body);
    const [answer] = (await once(onward, "response")) as [IncomingMessage];
    if (disturbance === "cut") {
      cutOff(answer, outgoing);
      return;
    }
    const pieces: Buffer[] = [];
    for await (const piece of answer as AsyncIterable<Buffer>) pieces.push(piece);
    const text = isList ? withToken(Buffer.concat(pieces)) : Buffer.concat(pieces);
    if ((answer.statusCode ?? 500) < 300) this.#note(method, pathname, searchParams, body, text.toString("latin1"));
    const checksum =
      this.#options.checksums === true && method === "HEAD" && headers["x-amz-checksum-mode"] === "ENABLED";
    const found = checksum ? this.#checksumOf.get(pathname) : undefined;
    outgoing.writeHead(answer.statusCode ?? 500, {
      ...answer.headers,
      ...(isList ? { "content-length": text.length } : {}),
      ...(found === undefined ? {} : { "x-amz-checksum-sha256": found }),
    });
    outgoing.end(text);
  }

  #note(method: string, path: string, query: URLSearchParams, body: Buffer, answer: string): void {
    const uploadId = query.get("uploadId");
    if (method === "POST" && query.has("uploads")) {
      const id = /<UploadId>([^<]+)</.exec(answer)?.[1] ?? "";
      this.#uploads.set(id, { path, begun: new Date().toISOString(), parts: new Map() });
    } else if (method === "PUT" && uploadId === null) {
      this.#checksumOf.set(path, createHash("sha256").update(body).digest("base64"));
    } else if (method === "PUT") {
      const digest = createHash("sha256").update(body).digest();
      this.#uploads.get(uploadId ?? "")?.parts.set(Number(query.get("partNumber")), digest);
    } else if (method === "POST" && uploadId !== null) {
      const parts = [...(this.#uploads.get(uploadId)?.parts ?? [])].sort(([a], [b]) => a - b);
      const hash = createHash("sha256").update(Buffer.concat(parts.map(([, digest]) => digest)));
      this.#checksumOf.set(path, `${hash.digest("base64")}-${parts.length}`);
      this.#uploads.delete(uploadId);
    }
  }

  /** s3rver's lists of the second kind break off where OpenSSL has no DES any more; the first kind says the same. */
  #firstKind(query: URLSearchParams): URLSearchParams {
    return new URLSearchParams({
      prefix: query.get("prefix") ?? "",
      marker: query.get("continuation-token") ?? "",
      "max-keys": String(this.#options.pageLength ?? 1000),
    });
  }

  #listUploads(prefix: string, bucketPath: string): string {
    const entries = [...this.#uploads].map(([id, { path, begun }]) => {
      const key = decodeURIComponent(path.slice(bucketPath.replace(/\/$/, "").length + 1));
      return key.startsWith(prefix)
        ? `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${begun}</Initiated></Upload>`
        : "";
    });
    return `<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${entries.join("")}</ListMultipartUploadsResult>`;
  }
}

/** The token with which the list goes on is the last key here. */
function withToken(answer: Buffer): Buffer {
  const text = answer.toString("utf8");
  if (!text.includes("<IsTruncated>true</IsTruncated>")) return answer;
  const last = [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].at(-1)?.[1] ?? "";
  const end = `<NextContinuationToken>${last}</NextContinuationToken></ListBucketResult>`;
  return Buffer.from(text.replace("</ListBucketResult>", end));
}

function cutOff(answer: IncomingMessage, outgoing: ServerResponse): void {
  outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
  answer.once("data", (piece: Buffer) => {
    outgoing.write(piece.subarray(0, Math.ceil(piece.length / 2)), () => {
      answer.destroy();
      outgoing.destroy();
    });
  });
}
