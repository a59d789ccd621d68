import { readFile } from "node:fs/promises";
import { AgentError, messageOf } from "./agent-error.ts";
import { xmlText } from "./s3-xml.ts";

/** Keys that requests are signed with. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary keys. */
  readonly sessionToken?: string;
  /** When temporary keys end, in milliseconds since the epoch; absent: never. */
  readonly expiresMs?: number;
}

/** Gives the keys that are valid now; undefined: requests are not signed. */
export type CredentialSource = () => Promise<S3Credentials | undefined>;

type Environment = Readonly<Record<string, string | undefined>>;

/** Temporary keys are fetched anew when they end within this time. */
const RENEWAL_MS = 5 * 60_000;

/**
 * Where the keys come from, by the environment variables that AWS's own programs read, in their order: fixed keys
 * (`AWS_ACCESS_KEY_ID`, …), a web identity token (`AWS_ROLE_ARN` with `AWS_WEB_IDENTITY_TOKEN_FILE`, as EKS mounts it for a
 * ServiceAccount), the agent of pod identities (`AWS_CONTAINER_CREDENTIALS_FULL_URI`). Without any of them requests are not signed.
 */
export function credentialSource(env: Environment, region: string, nowMs: () => number): CredentialSource {
  const accessKeyId = env["AWS_ACCESS_KEY_ID"];
  const secretAccessKey = env["AWS_SECRET_ACCESS_KEY"];
  if (accessKeyId !== undefined && secretAccessKey !== undefined) {
    const sessionToken = env["AWS_SESSION_TOKEN"];
    const fixed = { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
    return () => Promise.resolve(fixed);
  }
  const fetchKeys = webIdentity(env, region) ?? containerAgent(env);
  if (fetchKeys === undefined) return () => Promise.resolve(undefined);
  let held: S3Credentials | undefined;
  return async () => {
    if (held === undefined || (held.expiresMs ?? Infinity) - RENEWAL_MS < nowMs()) held = await fetchKeys();
    return held;
  };
}

function webIdentity(env: Environment, region: string): (() => Promise<S3Credentials>) | undefined {
  const role = env["AWS_ROLE_ARN"];
  const tokenFile = env["AWS_WEB_IDENTITY_TOKEN_FILE"];
  if (role === undefined || tokenFile === undefined) return undefined;
  const endpoint = env["AWS_ENDPOINT_URL_STS"] ?? `https://sts.${region}.amazonaws.com`;
  return async () => {
    const query = new URLSearchParams({
      Action: "AssumeRoleWithWebIdentity",
      Version: "2011-06-15",
      RoleArn: role,
      RoleSessionName: env["AWS_ROLE_SESSION_NAME"] ?? "quorate-snapshots",
      WebIdentityToken: (await readFile(tokenFile, "utf8")).trim(),
    });
    const xml = await ask(endpoint, { method: "POST", body: query.toString() }, "the role's keys");
    return keysOf("the role's keys", (name) => xmlText(xml, name), {
      id: "AccessKeyId",
      secret: "SecretAccessKey",
      token: "SessionToken",
      expires: "Expiration",
    });
  };
}

function containerAgent(env: Environment): (() => Promise<S3Credentials>) | undefined {
  const address = env["AWS_CONTAINER_CREDENTIALS_FULL_URI"];
  if (address === undefined) return undefined;
  return async () => {
    const tokenFile = env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"];
    const token =
      tokenFile === undefined ? env["AWS_CONTAINER_AUTHORIZATION_TOKEN"] : (await readFile(tokenFile, "utf8")).trim();
    const text = await ask(
      address,
      { method: "GET", headers: token === undefined ? {} : { authorization: token } },
      "the pod's keys",
    );
    const fields = parseFields(text);
    return keysOf("the pod's keys", (name) => fields[name], {
      id: "AccessKeyId",
      secret: "SecretAccessKey",
      token: "Token",
      expires: "Expiration",
    });
  };
}

async function ask(address: string, request: RequestInit, what: string): Promise<string> {
  try {
    const headers = {
      ...(request.body === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }),
      ...(request.headers as Record<string, string> | undefined),
    };
    const answer = await fetch(address, { ...request, headers, signal: AbortSignal.timeout(30_000) });
    const text = await answer.text();
    if (answer.ok) return text;
    throw new AgentError(
      answer.status < 500 ? "DestinationForbidden" : "DestinationUnreachable",
      `${what} were refused with status ${answer.status}: ${xmlText(text, "Message") ?? text.slice(0, 200)}`,
    );
  } catch (error) {
    if (error instanceof AgentError) throw error;
    throw new AgentError("DestinationUnreachable", `${what} could not be fetched: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function parseFields(text: string): Readonly<Record<string, string | undefined>> {
  try {
    return JSON.parse(text) as Record<string, string>;
  } catch {
    return {};
  }
}

function keysOf(
  what: string,
  field: (name: string) => string | undefined,
  names: { readonly id: string; readonly secret: string; readonly token: string; readonly expires: string },
): S3Credentials {
  const accessKeyId = field(names.id);
  const secretAccessKey = field(names.secret);
  const sessionToken = field(names.token);
  const expiresMs = Date.parse(field(names.expires) ?? "");
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new AgentError("DestinationForbidden", `${what} are not in the answer`);
  }
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    ...(Number.isFinite(expiresMs) ? { expiresMs } : {}),
  };
}
