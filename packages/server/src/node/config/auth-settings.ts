import type { AuthConfig } from "./server-config.ts";
import type { Settings } from "./settings.ts";

const BCRYPT_COST_DEFAULT = 10;
const BCRYPT_COST_MIN = 4;
const BCRYPT_COST_MAX = 31;

/** How users log in. A cost that bcrypt does not know becomes the default one, with a warning. */
export function authConfig(settings: Settings): AuthConfig {
  return {
    token: settings.text("auth-token"),
    simpleTokenTtlMs: settings.number("auth-token-ttl") * 1000,
    bcryptCost: isBcryptCost(settings) ? settings.number("bcrypt-cost") : BCRYPT_COST_DEFAULT,
  };
}

export function isBcryptCost(settings: Settings): boolean {
  const cost = settings.number("bcrypt-cost");
  return cost >= BCRYPT_COST_MIN && cost <= BCRYPT_COST_MAX;
}
