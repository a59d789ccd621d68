import { type Logger, utf8Bytes } from "@quorate/base";
import type { AuthConfig } from "../config/index.ts";
import { openTokenProvider } from "./open-token-provider.ts";
import { PasswordHasher } from "./password-hasher.ts";
import type { TokenProvider } from "./token-provider.ts";

/** What users show: passwords and tokens. */
export interface Credentials {
  readonly tokens: TokenProvider;
  readonly passwords: PasswordHasher;
}

/** Throws an Error that says what is wrong with the configuration, or with the files it names. */
export function openCredentials(config: AuthConfig, logger: Logger): Credentials {
  const settings = { authToken: config.token, simpleTtlMs: config.simpleTokenTtlMs };
  const tokens = openTokenProvider(settings, { logger, nowMs: () => performance.now(), wallMs: Date.now });
  return { tokens, passwords: new PasswordHasher(config.bcryptCost) };
}

/** The hash, as it is stored, of a password that came in plain text from a member before etcd 3.5. Slow. */
export function storedHash({ passwords }: Credentials, password: string): Uint8Array {
  return utf8Bytes(passwords.hashNow(password));
}
