import type { GrpcServer, TlsOptions } from "@quorate/grpc";
import type { EndpointUrl } from "./config/index.ts";
import { errorText } from "./peer/peer-dialer.ts";
import { removeStaleSocket } from "./stale-socket.ts";

/** The URLs by where they listen: plain text and TLS may share an address, as in etcd. */
export function addressesOf(urls: readonly EndpointUrl[]): readonly (readonly EndpointUrl[])[] {
  const groups = new Map<string, EndpointUrl[]>();
  for (const url of urls) {
    // Port 0 is any free one, each time another.
    const key = url.socketPath ?? (url.port === 0 ? url.text : `${url.host}:${url.port}`);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [url]);
    else group.push(url);
  }
  return [...groups.values()];
}

/** Whether a URL promises encryption. */
export function isSecure(url: EndpointUrl): boolean {
  return url.scheme === "https" || url.scheme === "unixs";
}

/** Listens on the address that `urls`, at least one, share. Resolves with it; rejects naming the URL when it cannot be had. */
export async function listenOnAddress(
  server: GrpcServer,
  urls: readonly EndpointUrl[],
  tls: TlsOptions | undefined,
): Promise<string> {
  const [url] = urls;
  if (url === undefined) throw new Error("there is no URL to listen on");
  const secure = urls.some(isSecure);
  // A promise of TLS is never answered with plain text; the configuration was checked before.
  if (secure && tls === undefined) throw new Error(`${url.text} needs a certificate and a key`);
  const security = { tls: secure ? (tls ?? null) : null, plainToo: !urls.every(isSecure) };
  try {
    if (url.socketPath !== undefined) {
      removeStaleSocket(url.socketPath);
      await server.listenOnPath(url.socketPath, security);
      return url.socketPath;
    }
    const bound = await server.listen({ host: url.host || "::", port: url.port, ...security });
    return bound.address.includes(":") ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`;
  } catch (error) {
    const inUse = (error as { readonly code?: unknown }).code === "EADDRINUSE";
    const advice = inUse ? "; stop what uses it, or listen elsewhere" : "";
    throw new Error(`cannot listen on ${url.text}: ${errorText(error)}${advice}`, { cause: error });
  }
}
