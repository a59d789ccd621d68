import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { keyInBucket, type S3Destination } from "../../../core/index.ts";
import { AgentError, isAgentError, messageOf } from "./agent-error.ts";
import type { ArtifactStore, PutResult, StoredObject } from "./artifact-store.ts";
import { pieces } from "./pieces.ts";
import { type Pace, STORE_RETRIES } from "./retrying.ts";
import { isRefusal, refusalAsFailure, S3Client, type S3ClientConfig } from "./s3-client.ts";
import { xmlElements, xmlEscape, xmlText } from "./s3-xml.ts";

/** S3 takes 10,000 parts of at least 5 MiB; some margin for streams that are larger than they were expected to be. */
const PARTS_PLANNED = 9000;
const PART_BYTES_MIN = 8 * 1024 * 1024;
const PARTS_AT_ONCE = 2;

interface SentPart {
  readonly number: number;
  readonly etag: string;
  readonly sha256: Uint8Array;
  readonly md5: Uint8Array;
}

/** Artifacts in a bucket of an S3-compatible store. Holds at most three parts in memory while it writes. */
export class S3Store implements ArtifactStore {
  readonly name: string;
  readonly #client: S3Client;
  readonly #destination: S3Destination;
  readonly #pace: Pace;
  readonly #partBytes: (sizeBytesExpected: number) => number;

  constructor(config: S3ClientConfig, options: { readonly partBytes?: (sizeBytesExpected: number) => number } = {}) {
    this.#client = new S3Client(config);
    this.#destination = config.destination;
    this.#pace = config.pace;
    this.#partBytes = options.partBytes ?? partBytesFor;
    this.name = `bucket ${config.destination.bucket} at ${this.#client.place}`;
  }

  close(): void {
    this.#client.close();
  }

  async put(key: string, source: AsyncIterable<Uint8Array>, sizeBytesExpected: number): Promise<PutResult> {
    if ((await this.stat(key)) !== undefined) {
      throw new AgentError("AlreadyExists", `${key} is already in ${this.name}; nothing is ever written over`);
    }
    try {
      return await this.#put(key, source, this.#partBytes(sizeBytesExpected));
    } catch (error) {
      throw refusalAsFailure(error);
    }
  }

  async *get(key: string): AsyncIterable<Uint8Array> {
    let position = 0;
    let etag = "";
    for (let failures = 0; ; ) {
      const response = await this.#open(key, position, etag);
      etag ||= response.headers.etag ?? "";
      try {
        for await (const piece of response as AsyncIterable<Uint8Array>) {
          position += piece.length;
          failures = 0;
          yield piece;
        }
        return;
      } catch (error) {
        // A connection that broke in the middle of a large object: the rest of the same object is asked for.
        failures += 1;
        if (failures >= STORE_RETRIES.attemptsMax) {
          throw new AgentError("DestinationUnreachable", `${key} in ${this.name} broke off: ${messageOf(error)}`);
        }
        await this.#pace.sleep(STORE_RETRIES.pauseMs * 2 ** failures * this.#pace.random());
      } finally {
        response.destroy();
      }
    }
  }

  async stat(key: string): Promise<StoredObject | undefined> {
    const headers = await this.#head(key, {});
    if (headers === undefined) return undefined;
    return {
      key,
      sizeBytes: Number(headers["content-length"]),
      modifiedMs: Date.parse(headers["last-modified"] ?? ""),
    };
  }

  async list(folder: string): Promise<readonly StoredObject[]> {
    const found: StoredObject[] = [];
    const prefix = keyInBucket(this.#destination, folder);
    const skipped = prefix.length - folder.length;
    for (let token: string | undefined; ; ) {
      const query = { "list-type": "2", prefix, ...(token === undefined ? {} : { "continuation-token": token }) };
      const { text } = await this.#sendOrFail({ method: "GET", query });
      for (const entry of xmlElements(text, "Contents")) {
        const key = xmlText(entry, "Key");
        const sizeBytes = Number(xmlText(entry, "Size"));
        if (key === undefined || !Number.isFinite(sizeBytes)) throw incompleteList(this.name);
        found.push({
          key: key.slice(skipped),
          sizeBytes,
          modifiedMs: Date.parse(xmlText(entry, "LastModified") ?? ""),
        });
      }
      const isTruncated = xmlText(text, "IsTruncated");
      if (isTruncated === "false") return found;
      token = xmlText(text, "NextContinuationToken");
      if (isTruncated !== "true" || token === undefined) throw incompleteList(this.name);
    }
  }

  async delete(key: string): Promise<void> {
    try {
      await this.#client.send({ method: "DELETE", key });
    } catch (error) {
      if (!isRefusal(error) || error.code !== "NoSuchKey") throw refusalAsFailure(error);
    }
  }

  async abandonWrites(folder: string, beforeMs: number): Promise<number> {
    const prefix = keyInBucket(this.#destination, folder);
    const skipped = prefix.length - folder.length;
    const text = await this.#client.send({ method: "GET", query: { uploads: "", prefix } }).then(
      (answer) => answer.text,
      (error: unknown) => {
        // Some compatible stores do not list them; then they end unfinished uploads themselves.
        if (isRefusal(error) && error.status === 501) return "";
        throw refusalAsFailure(error);
      },
    );
    let ended = 0;
    for (const upload of xmlElements(text, "Upload")) {
      const key = xmlText(upload, "Key");
      const uploadId = xmlText(upload, "UploadId");
      const begunMs = Date.parse(xmlText(upload, "Initiated") ?? "");
      if (key === undefined || uploadId === undefined || !(begunMs < beforeMs)) continue;
      if (!key.startsWith(prefix)) continue;
      await this.#abort(key.slice(skipped), uploadId);
      ended += 1;
    }
    return ended;
  }

  async #put(key: string, source: AsyncIterable<Uint8Array>, partBytes: number): Promise<PutResult> {
    const parts = pieces(source, partBytes)[Symbol.asyncIterator]();
    const first = await parts.next();
    const second = first.done === true ? first : await parts.next();
    const head = first.done === true ? new Uint8Array(0) : first.value;
    // What fits into one part needs no upload that could be left half done.
    if (second.done === true) return this.#putWhole(key, head);
    return this.#putInParts(key, head, second.value, parts);
  }

  async #putWhole(key: string, body: Uint8Array): Promise<PutResult> {
    const sha256 = createHash("sha256").update(body).digest();
    const md5 = createHash("md5").update(body).digest();
    const headers = { "x-amz-checksum-sha256": sha256.toString("base64"), "content-type": "application/octet-stream" };
    await this.#client.send({ method: "PUT", key, headers, body });
    const isConfirmed = await this.#confirm(key, body.length, sha256.toString("base64"), md5.toString("hex"));
    return { sizeBytes: body.length, sha256: sha256.toString("hex"), isConfirmed };
  }

  async #putInParts(
    key: string,
    first: Uint8Array,
    second: Uint8Array,
    rest: AsyncIterator<Uint8Array>,
  ): Promise<PutResult> {
    const { text } = await this.#client.send({
      method: "POST",
      key,
      query: { uploads: "" },
      headers: { "x-amz-checksum-algorithm": "SHA256", "content-type": "application/octet-stream" },
    });
    const uploadId = xmlText(text, "UploadId");
    if (uploadId === undefined) throw new AgentError("DestinationUnreachable", `${this.name} gave no upload ID`);
    try {
      const hash = createHash("sha256");
      let sizeBytes = 0;
      const sent: SentPart[] = [];
      const underWay = new Set<Promise<void>>();
      let failure: unknown;
      for (let number = 1, part: Uint8Array | undefined = first; part !== undefined; number += 1) {
        hash.update(part);
        sizeBytes += part.length;
        const task: Promise<void> = this.#putPart(key, uploadId, number, part)
          .then((done) => void sent.push(done))
          .catch((error: unknown) => {
            failure ??= error;
          })
          .finally(() => underWay.delete(task));
        underWay.add(task);
        if (underWay.size >= PARTS_AT_ONCE) await Promise.race(underWay);
        if (failure !== undefined) break;
        const next: IteratorResult<Uint8Array> = number === 1 ? { done: false, value: second } : await rest.next();
        part = next.done === true ? undefined : next.value;
      }
      await Promise.all(underWay);
      if (failure !== undefined) throw failure;
      sent.sort((a, b) => a.number - b.number);
      await this.#complete(key, uploadId, sent);
      const isConfirmed = await this.#confirm(key, sizeBytes, composite(sent, "sha256"), composite(sent, "md5"));
      return { sizeBytes, sha256: hash.digest("hex"), isConfirmed };
    } catch (error) {
      await rest.return?.();
      // What cannot be ended now is ended by the next sweep.
      await this.#abort(key, uploadId).catch(() => {});
      throw error;
    }
  }

  async #putPart(key: string, uploadId: string, number: number, body: Uint8Array): Promise<SentPart> {
    const sha256 = createHash("sha256").update(body).digest();
    const { headers } = await this.#client.send({
      method: "PUT",
      key,
      query: { partNumber: String(number), uploadId },
      headers: { "x-amz-checksum-sha256": sha256.toString("base64") },
      body,
    });
    const md5 = createHash("md5").update(body).digest();
    return { number, etag: headers.etag ?? `"${md5.toString("hex")}"`, sha256, md5 };
  }

  async #complete(key: string, uploadId: string, parts: readonly SentPart[]): Promise<void> {
    const list = parts.map(
      ({ number, etag, sha256 }) =>
        `<Part><PartNumber>${number}</PartNumber><ETag>${xmlEscape(etag)}</ETag>` +
        `<ChecksumSHA256>${Buffer.from(sha256).toString("base64")}</ChecksumSHA256></Part>`,
    );
    const body = Buffer.from(
      `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${list.join("")}</CompleteMultipartUpload>`,
    );
    const { text } = await this.#client
      .send({ method: "POST", key, query: { uploadId }, headers: { "content-type": "application/xml" }, body })
      .catch(async (error: unknown) => {
        // The answer to an earlier try may have been lost: then the upload is gone and the object is there.
        if (isRefusal(error) && error.code === "NoSuchUpload" && (await this.stat(key)) !== undefined)
          return { text: "" };
        throw error;
      });
    // The answer begins before the store is done, so a failure can come with status 200.
    const code = xmlElements(text, "Error").length > 0 ? (xmlText(text, "Code") ?? "unknown") : undefined;
    if (code !== undefined) {
      throw new AgentError("DestinationUnreachable", `${this.name} could not put ${key} together: ${code}`);
    }
  }

  /** Compares size and checksum of what the store holds; false if it gives no checksum to compare. */
  async #confirm(key: string, sizeBytes: number, sha256: string, md5: string): Promise<boolean> {
    const headers = await this.#head(key, { "x-amz-checksum-mode": "ENABLED" });
    if (headers === undefined)
      throw new AgentError("DigestMismatch", `${key} is not in ${this.name} after it was written`);
    if (Number(headers["content-length"]) !== sizeBytes) {
      const found = headers["content-length"];
      throw new AgentError("DigestMismatch", `${key} has ${found} bytes in ${this.name}, ${sizeBytes} were sent`);
    }
    const checksum = headers["x-amz-checksum-sha256"];
    if (typeof checksum === "string") {
      if (checksum === sha256) return true;
      throw new AgentError("DigestMismatch", `${key} has another checksum in ${this.name} than what was sent`);
    }
    // Without server-side encryption by a key service the entity tag is the MD5, or that of the parts' MD5s; otherwise it tells nothing.
    return headers.etag === `"${md5}"`;
  }

  async #abort(key: string, uploadId: string): Promise<void> {
    try {
      await this.#client.send({ method: "DELETE", key, query: { uploadId } });
    } catch (error) {
      if (!isRefusal(error) || error.status !== 404) throw refusalAsFailure(error);
    }
  }

  async #head(key: string, extra: Readonly<Record<string, string>>): Promise<IncomingMessage["headers"] | undefined> {
    try {
      return (await this.#client.send({ method: "HEAD", key, headers: extra })).headers;
    } catch (error) {
      if (isRefusal(error) && error.status === 404) return undefined;
      throw refusalAsFailure(error);
    }
  }

  async #open(key: string, position: number, etag: string): Promise<IncomingMessage> {
    const headers: Record<string, string> = position === 0 ? {} : { range: `bytes=${position}-`, "if-match": etag };
    try {
      const response = await this.#client.open({ method: "GET", key, headers });
      if (position === 0 || response.statusCode === 206) return response;
      response.destroy();
      throw new AgentError("DestinationUnreachable", `${this.name} does not give the rest of ${key}`);
    } catch (error) {
      if (isRefusal(error) && error.code === "NoSuchKey") {
        throw new AgentError("NotFound", `${key} is not in ${this.name}`, { cause: error });
      }
      throw isAgentError(error) ? error : refusalAsFailure(error);
    }
  }

  async #sendOrFail(request: Parameters<S3Client["send"]>[0]): Promise<{ readonly text: string }> {
    try {
      return await this.#client.send(request);
    } catch (error) {
      throw refusalAsFailure(error);
    }
  }
}

function partBytesFor(sizeBytesExpected: number): number {
  const mebibyte = 1024 * 1024;
  return Math.max(PART_BYTES_MIN, Math.ceil(sizeBytesExpected / PARTS_PLANNED / mebibyte) * mebibyte);
}

/** S3's checksum of an object in parts: that of the parts' checksums, and how many there are. */
function composite(parts: readonly SentPart[], kind: "sha256" | "md5"): string {
  const hash = createHash(kind);
  for (const part of parts) hash.update(part[kind]);
  return `${hash.digest(kind === "sha256" ? "base64" : "hex")}-${parts.length}`;
}

function incompleteList(name: string): AgentError {
  return new AgentError("DestinationUnreachable", `${name} gave a list that is not complete`);
}
