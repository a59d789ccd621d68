import type { Logger } from "@quorate/base";
import type { ServerConfig } from "./config/index.ts";
import { checkInitially, corruptionChecksDeps } from "./corruption-checks.ts";
import type { Member } from "./member.ts";
import type { PeerClient } from "./peer/index.ts";

const MIB = 1024 * 1024;

/** What a member does between opening its data and serving. Closes its storage where that fails, and rejects with why. */
export async function prepareMember(
  config: ServerConfig,
  member: Member,
  deps: { readonly client: PeerClient; readonly logger: Logger },
): Promise<void> {
  try {
    await defragmentAtStart(config.bootstrapDefragThresholdBytes, member, deps.logger);
    // Who joins or founds a cluster has nothing to compare yet.
    if (!config.featureGates.InitialCorruptCheck || member.storage.isNew) return;
    await checkInitially(corruptionChecksDeps(config, member, deps.client, deps.logger));
  } catch (error) {
    await member.storage.close();
    throw error;
  }
}

/** `--bootstrap-defrag-threshold-megabytes`: gives space back that nobody waits for yet, if it is worth it. */
async function defragmentAtStart(thresholdBytes: number, { storage }: Member, logger: Logger): Promise<void> {
  const { backend } = storage;
  if (thresholdBytes === 0) return;
  const freeableBytes = backend.sizeBytes() - backend.sizeInUseBytes();
  const fields = { "freeable-mib": Math.floor(freeableBytes / MIB), "threshold-mib": thresholdBytes / MIB };
  if (freeableBytes < thresholdBytes) {
    logger.info("Skipping defragmentation", fields);
    return;
  }
  logger.info("defragmenting", fields);
  await new Promise<void>((resolve, reject) => {
    backend.compactFiles((error) => (error === undefined ? resolve() : reject(error)));
  });
  logger.info("finished defragmenting", { "size-mib": Math.ceil(backend.sizeBytes() / MIB) });
}
