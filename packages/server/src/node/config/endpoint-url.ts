import { isIP } from "node:net";
import type { EndpointUrl } from "@quorate/protocol";

export { parseUrls, peerUrlsOf } from "@quorate/protocol";

/** What is wrong with listening on one of `urls`: hosts must be addresses, as names may resolve to anything. */
export function bindProblem(urls: readonly EndpointUrl[]): string | undefined {
  const bad = urls.find((url) => url.socketPath === undefined && url.host !== "localhost" && isIP(url.host) === 0);
  return bad === undefined ? undefined : `expected IP in URL for binding (${bad.text})`;
}

/** What is wrong with advertising one of `urls`. */
export function advertiseProblem(urls: readonly EndpointUrl[]): string | undefined {
  const bad = urls.find((url) => url.socketPath === undefined && url.host === "");
  return bad === undefined ? undefined : `unexpected empty host (${bad.text})`;
}
