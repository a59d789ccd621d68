import type { RequestOptions } from "node:https";
import type { SecureContextOptions } from "node:tls";
import type { Clock } from "@quorate/base";

/** What a request to the API server is secured and signed with. */
export interface KubeCredentials {
  /** The same object for as long as nothing in it changed, so that connections can be kept. */
  readonly tls: KubeTls;
  /** Headers that authenticate. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface KubeTls extends Pick<SecureContextOptions, "ca" | "cert" | "key"> {
  readonly rejectUnauthorized?: boolean;
  readonly servername?: string;
}

/** Where the API server is and how it is talked to. */
export interface KubeConnection {
  /** May have a path, before `/api`. */
  readonly server: URL;
  /** Namespace that this program is meant to be in; undefined if nothing tells. */
  readonly namespace: string | undefined;
  /** Asked before each request: tokens and certificates change while the program runs. */
  credentials(): Promise<KubeCredentials>;
}

const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
/** The kubelet renews a token long before it expires; a minute late is early enough. */
const REREAD_MS = 60_000;

export interface InClusterDeps {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Whole text of a file; throws as `readFileSync` does. */
  readonly readFile: (path: string) => string;
  readonly clock: Clock;
}

/** How a Pod reaches its API server: by environment and the service account's files. Undefined outside of a Pod. */
export function inClusterConnection({ environment, readFile, clock }: InClusterDeps): KubeConnection | undefined {
  const host = environment["KUBERNETES_SERVICE_HOST"];
  const port = environment["KUBERNETES_SERVICE_PORT"];
  if (host === undefined || host === "" || port === undefined || port === "") return undefined;
  const server = new URL(`https://${host.includes(":") ? `[${host}]` : host}:${port}`);
  let tls: KubeTls = {};
  let token = "";
  let readAtMs: number | undefined;
  const reread = (): void => {
    const ca = readFile(`${ACCOUNT}/ca.crt`);
    if (ca !== tls.ca) tls = { ca };
    token = readFile(`${ACCOUNT}/token`).trim();
    readAtMs = clock.nowMs();
  };
  return {
    server,
    namespace: optionalText(readFile, `${ACCOUNT}/namespace`),
    async credentials() {
      if (readAtMs === undefined || clock.nowMs() - readAtMs >= REREAD_MS) reread();
      return { tls, headers: { authorization: `Bearer ${token}` } };
    },
  };
}

/**
 * The connection of a kubeconfig file, with everything that such a file may ask for (exec plugins, OIDC, certificates).
 * `path` undefined: as kubectl finds it. Rejects if there is no such file or context.
 */
export async function kubeconfigConnection(
  path: string | undefined,
  context: string | undefined,
): Promise<KubeConnection> {
  // Loaded only here: the library takes 75 MB of memory, and inside of a cluster none of it is needed.
  const { KubeConfig } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  if (path === undefined) config.loadFromDefault();
  else config.loadFromFile(path);
  if (context !== undefined) config.setCurrentContext(context);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error(`kubeconfig: no cluster for the context '${config.getCurrentContext()}'`);
  let tls: KubeTls = {};
  return {
    server: new URL(cluster.server),
    namespace: config.getContextObject(config.getCurrentContext())?.namespace,
    async credentials() {
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options);
      const wanted = tlsOf(options, cluster.tlsServerName);
      if (!isSameTls(wanted, tls)) tls = wanted;
      return { tls, headers: headersOf(options) };
    },
  };
}

function tlsOf(options: RequestOptions, servername: string | undefined): KubeTls {
  return {
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    ...(options.cert === undefined ? {} : { cert: options.cert }),
    ...(options.key === undefined ? {} : { key: options.key }),
    ...(options.rejectUnauthorized === undefined ? {} : { rejectUnauthorized: options.rejectUnauthorized }),
    ...(servername === undefined ? {} : { servername }),
  };
}

function isSameTls(a: KubeTls, b: KubeTls): boolean {
  const text = (tls: KubeTls): string =>
    [tls.ca, tls.cert, tls.key, tls.rejectUnauthorized, tls.servername].map(String).join("\0");
  return text(a) === text(b);
}

function headersOf(options: RequestOptions): Record<string, string> {
  const headers = Object.fromEntries(
    Object.entries(options.headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]),
  );
  if (typeof options.auth === "string")
    headers["authorization"] ??= `Basic ${Buffer.from(options.auth).toString("base64")}`;
  return headers;
}

function optionalText(readFile: (path: string) => string, path: string): string | undefined {
  try {
    return readFile(path).trim();
  } catch {
    return undefined;
  }
}
