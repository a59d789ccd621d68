import type { ClientOptions, EtcdClient } from "@quorate/client";
import { CommandError } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { makeClient } from "../online/connection.ts";
import type { Kubectl } from "./kubectl.ts";
import { type Cluster, type Secret, secretText } from "./objects.ts";

const CLIENT_PORT = 2379;
const DIAL_TIMEOUT_MS = 10_000;

/** How members of a cluster are talked to: by the credentials that the operator publishes for clients. */
export type Credentials = Pick<ClientOptions, "tls" | "user">;

export async function credentialsOf(kubectl: Kubectl, cluster: Cluster): Promise<Credentials> {
  const { clientSecretName, rootSecretName } = cluster.status?.credentials ?? {};
  const isPlain = cluster.spec.tls?.client?.mode === "Disabled";
  const client = isPlain
    ? undefined
    : await kubectl.get<Secret>("secret", clientSecretName ?? `${cluster.metadata.name}-client`);
  const root = rootSecretName === undefined ? undefined : await kubectl.get<Secret>("secret", rootSecretName);
  return {
    ...(client === undefined ? {} : { tls: tlsOf(client) }),
    ...(root === undefined ? {} : { user: { name: needed(root, "username"), password: needed(root, "password") } }),
  };
}

function tlsOf(secret: Secret): NonNullable<ClientOptions["tls"]> {
  return { ca: needed(secret, "ca.crt"), cert: needed(secret, "tls.crt"), key: needed(secret, "tls.key") };
}

function needed(secret: Secret, name: string): string {
  const text = secretText(secret, name);
  if (text === undefined) throw new CommandError(ExitCode.error, `the Secret with the credentials has no ${name}`);
  return text;
}

/** Runs `use` with a client of one member alone, reached through a port of this machine. */
export async function withMember<T>(
  kubectl: Kubectl,
  member: string,
  credentials: Credentials,
  use: (client: EtcdClient) => Promise<T>,
): Promise<T> {
  const forward = await kubectl.forward(member, CLIENT_PORT);
  try {
    const scheme = credentials.tls === undefined ? "http" : "https";
    const client = await makeClient({
      ...credentials,
      endpoints: `${scheme}://localhost:${forward.port}`,
      dialTimeoutMs: DIAL_TIMEOUT_MS,
    });
    try {
      return await use(client);
    } finally {
      await client.close();
    }
  } finally {
    await forward.close();
  }
}
