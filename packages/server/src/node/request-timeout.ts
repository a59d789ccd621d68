import type { ServerConfig } from "./config/index.ts";

/** A request fails when it was not applied in this time plus two election timeouts; etcd's figure. */
const REQUEST_TIMEOUT_BASE_MS = 5000;

/** What a client's request may take. */
export function requestTimeoutMs({ electionTimeoutMs }: Pick<ServerConfig, "electionTimeoutMs">): number {
  return REQUEST_TIMEOUT_BASE_MS + 2 * electionTimeoutMs;
}
