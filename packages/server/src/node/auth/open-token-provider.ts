import { readFileSync } from "node:fs";
import type { Logger } from "@quorate/base";
import { parseDuration } from "../config/index.ts";
import { jwtKeys } from "./jwt-keys.ts";
import { JwtProvider } from "./jwt-provider.ts";
import { signingMethod } from "./signing-method.ts";
import { NO_TOKEN_PROVIDER, SimpleTokenProvider, type TokenProvider } from "./token-provider.ts";

const INVALID_OPTIONS = "auth: invalid auth options";
const JWT_TTL_DEFAULT_MS = 300_000;
/** What is used where `--auth-token-ttl` says 0. */
const SIMPLE_TTL_DEFAULT_MS = 300_000;
const JWT_OPTIONS: ReadonlySet<string> = new Set(["sign-method", "pub-key", "priv-key", "ttl"]);

export interface TokenSettings {
  /** `--auth-token`. */
  readonly authToken: string;
  /** `--auth-token-ttl`. */
  readonly simpleTtlMs: number;
}

export interface TokenWorld {
  readonly logger: Logger;
  /** Monotonic, for tokens that are kept. */
  readonly nowMs: () => number;
  /** Wall clock, for tokens that say when they end. */
  readonly wallMs: () => number;
}

/** Opens the tokens that the configuration asks for. Throws an Error that says, in etcd's words, what is wrong with it. */
export function openTokenProvider({ authToken, simpleTtlMs }: TokenSettings, world: TokenWorld): TokenProvider {
  const [kind = "", ...pairs] = authToken.split(",");
  const options = new Map<string, string>();
  for (const pair of pairs) {
    const [name = "", value, ...rest] = pair.split("=");
    if (value === undefined || rest.length > 0 || options.has(name)) throw invalid(`--auth-token: ${pair}`);
    options.set(name, value);
  }
  if (kind === "jwt") return openJwt(options, world);
  if (kind === "") return NO_TOKEN_PROVIDER;
  if (kind !== "simple") throw invalid(`--auth-token: unknown kind ${kind}`);
  world.logger.warn("simple token is not cryptographically signed", {});
  return new SimpleTokenProvider(simpleTtlMs > 0 ? simpleTtlMs : SIMPLE_TTL_DEFAULT_MS, world.nowMs);
}

function openJwt(options: ReadonlyMap<string, string>, { logger, wallMs }: TokenWorld): TokenProvider {
  const unknown = [...options.keys()].filter((name) => !JWT_OPTIONS.has(name));
  if (unknown.length > 0) logger.warn("unknown JWT options", { keys: unknown });
  const given = options.get("ttl") ?? "";
  const ttl = given === "" ? { value: JWT_TTL_DEFAULT_MS } : parseDuration(given);
  if ("error" in ttl) throw invalid(`--auth-token: ttl=${given}`);
  const publicKey = keyFile(options.get("pub-key"));
  const privateKey = keyFile(options.get("priv-key"));
  const method = signingMethod(options.get("sign-method") ?? "");
  if (method === undefined) throw invalid("--auth-token: auth: invalid auth signature method");
  return new JwtProvider({ method, keys: jwtKeys(method, { publicKey, privateKey }), ttlMs: ttl.value, wallMs });
}

function keyFile(path: string | undefined): Buffer | undefined {
  if (path === undefined || path === "") return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
}

function invalid(why: string): Error {
  return new Error(`${INVALID_OPTIONS} (${why})`);
}
