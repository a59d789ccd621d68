export type { AuthDeps } from "./auth.ts";
export { Auth } from "./auth.ts";
export type { Caller } from "./caller.ts";
export { NOBODY, ROOT } from "./caller.ts";
export type { TokenKeeper } from "./simple-tokens.ts";
export { NO_TOKENS, SimpleTokens, simpleTokenText } from "./simple-tokens.ts";
