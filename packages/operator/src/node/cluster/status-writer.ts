import {
  type Decision,
  ETCD_CLUSTERS,
  ETCD_MEMBERS,
  ETCD_RESTORES,
  isSameJson,
  KubeError,
  type KubeObject,
  type Resource,
} from "../../core/index.ts";
import type { ObserveDeps, Sight } from "./observe/observe.ts";

interface WithStatus extends KubeObject {
  readonly status?: object;
}

/**
 * Writes what was found, where it differs from what is written. The cluster's comes last: what the others say is then known already when
 * somebody reads it. Rejects with `Conflict` if the cluster's changed meanwhile: then the pass is done over.
 */
export async function writeStatuses(deps: Pick<ObserveDeps, "api">, sight: Sight, decision: Decision): Promise<void> {
  await Promise.all(
    sight.members.map(async (member) => {
      const status = decision.memberStatuses.get(member.metadata.name);
      if (status !== undefined) await unlessGone(writeStatus(deps, ETCD_MEMBERS, member, status));
    }),
  );
  const { restore } = sight.world;
  if (restore !== undefined && decision.restoreStatus !== undefined) {
    await writeStatus(deps, ETCD_RESTORES, restore, decision.restoreStatus);
  }
  await writeStatus(deps, ETCD_CLUSTERS, sight.cluster, decision.status);
}

async function writeStatus<T extends WithStatus>(
  deps: Pick<ObserveDeps, "api">,
  resource: Resource<T>,
  live: T,
  status: object,
): Promise<void> {
  if (isSameJson(live.status ?? {}, status)) return;
  const { name, namespace = "", resourceVersion } = live.metadata;
  const preconditions = resourceVersion === undefined ? {} : { resourceVersion };
  await deps.api.patchStatus(resource, { namespace, name }, status, preconditions);
}

/** Members come and go by our own hand: what a gone one is like does not matter, and a changed one is seen by the next pass. */
async function unlessGone(write: Promise<void>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!(error instanceof KubeError) || error.reason !== "NotFound") throw error;
  }
}
