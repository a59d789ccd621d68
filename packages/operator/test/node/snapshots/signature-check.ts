import { createHash, createHmac } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/**
 * Why a request's signature (AWS Signature Version 4, in the header) is not the one that `secret` makes; undefined if it is. Written from
 * Amazon's description and apart from the client's library, since s3rver does not check version 4.
 */
export function signatureProblem(
  {
    method,
    url,
    headers,
    body,
  }: {
    readonly method: string;
    readonly url: string;
    readonly headers: IncomingHttpHeaders;
    readonly body: Uint8Array;
  },
  secret: string,
): string | undefined {
  const authorization = headers.authorization ?? "";
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      authorization,
    );
  if (match === null) return `the authorization header is ${authorization}`;
  const [, , day = "", region = "", names = "", signature] = match;
  const digest = createHash("sha256").update(body).digest("hex");
  if (headers["x-amz-content-sha256"] !== digest) return "the digest of the body is another";
  const signed = names.split(";");
  for (const name of ["host", "x-amz-date", "x-amz-content-sha256"]) {
    if (!signed.includes(name)) return `${name} is not signed`;
  }
  for (const name of Object.keys(headers)) {
    if (name.startsWith("x-amz-") && !signed.includes(name)) return `${name} is not signed`;
  }
  const [path = "", query = ""] = url.split("?");
  const pairs = query.split("&").filter((pair) => pair !== "");
  const canonical = [
    method,
    path,
    pairs
      .map((pair) => (pair.includes("=") ? pair.replaceAll("+", "%20") : `${pair}=`))
      .sort()
      .join("&"),
    ...signed.map((name) => `${name}:${String(headers[name]).trim()}`),
    "",
    names,
    digest,
  ].join("\n");
  const text = ["AWS4-HMAC-SHA256", headers["x-amz-date"], `${day}/${region}/s3/aws4_request`, sha256(canonical)].join(
    "\n",
  );
  const key = [day, region, "s3", "aws4_request"].reduce<string | Buffer>(
    (held, part) => createHmac("sha256", held).update(part).digest(),
    `AWS4${secret}`,
  );
  return createHmac("sha256", key).update(text).digest("hex") === signature
    ? undefined
    : "the signature does not match";
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
