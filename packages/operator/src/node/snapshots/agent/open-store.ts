import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { type Destination, STORE_CA_FILE_VARIABLE, STORE_DIRECTORY_VARIABLE } from "../../../core/index.ts";
import { AgentError, messageOf } from "./agent-error.ts";
import type { ArtifactStore } from "./artifact-store.ts";
import { DirectoryStore } from "./directory-store.ts";
import type { Pace } from "./retrying.ts";
import { credentialSource } from "./s3-credentials.ts";
import { S3Store } from "./s3-store.ts";

/** Waits and draws for real. */
export const SYSTEM_PACE: Pace = {
  sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
  random: () => Math.random(),
};

/**
 * The store of a destination, reached as the environment says: the claim's directory, or the bucket with the keys that the Secret gave
 * as variables. Rejects with {@link AgentError}.
 */
export async function openStore(
  destination: Destination,
  env: Readonly<Record<string, string | undefined>>,
  options: { readonly pace?: Pace; readonly signal?: AbortSignal } = {},
): Promise<ArtifactStore> {
  if (destination.s3 !== undefined) {
    const ca = await certificateAuthorities(env[STORE_CA_FILE_VARIABLE]);
    return new S3Store({
      destination: destination.s3,
      credentials: credentialSource(env, destination.s3.region, () => Date.now()),
      ...(ca === undefined ? {} : { ca }),
      pace: options.pace ?? SYSTEM_PACE,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  }
  const directory = env[STORE_DIRECTORY_VARIABLE];
  if (destination.pvc === undefined || directory === undefined) {
    throw new AgentError("DestinationForbidden", "the destination names no store that is here");
  }
  return new DirectoryStore(directory);
}

async function certificateAuthorities(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new AgentError("DestinationForbidden", `the store's authorities: ${messageOf(error)}`, { cause: error });
  }
}
