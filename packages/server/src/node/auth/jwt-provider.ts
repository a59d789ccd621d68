import { createHash } from "node:crypto";
import type { ErrorCode } from "@quorate/protocol";
import { type AuthenticateResult, type Caller, NO_TOKENS, type TokenKeeper } from "../../core/index.ts";
import type { JwtKeys } from "./jwt-keys.ts";
import type { SigningMethod } from "./signing-method.ts";
import type { TokenProvider } from "./token-provider.ts";

/** Tokens whose signature was verified are remembered, so many of them. */
const VERIFIED_MAX = 10_000;
/** So many of those that were refused, by a digest: they may be as long as metadata. */
const REFUSED_MAX = 4096;
const BASE64URL = /^[A-Za-z0-9_-]*$/;

export interface JwtOptions {
  readonly method: SigningMethod;
  readonly keys: JwtKeys;
  readonly ttlMs: number;
  /** The wall clock: tokens say when they end. */
  readonly wallMs: () => number;
}

interface Verified {
  readonly caller: Caller;
  /** Unix seconds from which on it is not valid, and up to which it is not yet. */
  readonly expires: number;
  readonly notBefore: number;
}

/** Signed tokens, RFC 7519, with the claims `username`, `revision` and `exp`. No member keeps any. gRPC API page, section 11.2. */
export class JwtProvider implements TokenProvider {
  readonly keeper: TokenKeeper = NO_TOKENS;
  readonly #options: JwtOptions;
  readonly #verified = new Map<string, Verified>();
  /** Digests of tokens, the oldest first. What is wrong with a token stays wrong while the process keeps its keys. */
  readonly #refused = new Set<string>();

  constructor(options: JwtOptions) {
    this.#options = options;
  }

  newPrefix(): string {
    return "";
  }

  issue({ authRevision, username }: AuthenticateResult): { readonly token: string } | ErrorCode {
    const { keys, method, ttlMs, wallMs } = this.#options;
    if (keys.signing === undefined) return "verifyOnly";
    const expires = Math.floor((wallMs() + ttlMs) / 1000);
    const head = encoded({ alg: method.name, typ: "JWT" });
    const text = `${head}.${encoded({ exp: expires, revision: authRevision, username })}`;
    return { token: `${text}.${method.sign(Buffer.from(text), keys.signing).toString("base64url")}` };
  }

  callerOf(token: string): Caller | undefined {
    let verified = this.#verified.get(token);
    if (verified === undefined) {
      verified = this.#verify(token);
      if (verified === undefined) return undefined;
      this.#remember(token, verified);
    }
    const seconds = this.#options.wallMs() / 1000;
    return seconds < verified.expires && seconds >= verified.notBefore ? verified.caller : undefined;
  }

  indexOf(): number {
    return 0;
  }

  sweep(): void {
    const seconds = this.#options.wallMs() / 1000;
    for (const [token, { expires }] of this.#verified) if (expires <= seconds) this.#verified.delete(token);
  }

  #remember(token: string, verified: Verified): void {
    if (this.#verified.size >= VERIFIED_MAX) this.#verified.clear();
    this.#verified.set(token, verified);
  }

  #verify(token: string): Verified | undefined {
    const { keys, method } = this.#options;
    const segments = token.split(".");
    const [head = "", body = "", signature = ""] = segments;
    if (segments.length !== 3 || !segments.every(isBase64Url)) return undefined;
    // What the token says of its method never chooses one.
    if (decodedObject(head)?.["alg"] !== method.name) return undefined;
    // A client may send the same bad token with each call, and a signature is dear to verify.
    const digest = createHash("sha256").update(token).digest("base64");
    if (this.#refused.has(digest)) return undefined;
    const data = Buffer.from(`${head}.${body}`);
    const isGood = isSignature(method, keys, data, Buffer.from(signature, "base64url"));
    const verified = isGood ? claimsOf(decodedObject(body)) : undefined;
    if (verified === undefined) this.#refuse(digest);
    return verified;
  }

  #refuse(digest: string): void {
    const [oldest] = this.#refused;
    if (this.#refused.size >= REFUSED_MAX && oldest !== undefined) this.#refused.delete(oldest);
    this.#refused.add(digest);
  }
}

function isSignature(method: SigningMethod, keys: JwtKeys, data: Buffer, signature: Buffer): boolean {
  try {
    return method.verify(data, keys.verifying, signature);
  } catch {
    // One that is none.
    return false;
  }
}

function claimsOf(claims: Readonly<Record<string, unknown>> | undefined): Verified | undefined {
  const { exp, nbf, revision, username } = claims ?? {};
  if (typeof username !== "string" || typeof revision !== "number") return undefined;
  if (exp !== undefined && typeof exp !== "number") return undefined;
  if (nbf !== undefined && typeof nbf !== "number") return undefined;
  const caller = { username, authRevision: Math.trunc(revision) };
  return { caller, expires: exp ?? Number.POSITIVE_INFINITY, notBefore: nbf ?? Number.NEGATIVE_INFINITY };
}

/** Without padding. A lone digit at the end says nothing, so Go refuses it, and Node passes over it. */
function isBase64Url(segment: string): boolean {
  return BASE64URL.test(segment) && segment.length % 4 !== 1;
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function decodedObject(segment: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(segment, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}
