import {
  ETCD_MEMBERS,
  type EtcdCluster,
  type EtcdMember,
  KubeError,
  LABELS,
  LEAVE_FINALIZER,
  type ObjectKey,
} from "../../core/index.ts";
import { isOurs, type ObserveDeps } from "./observe/observe.ts";

type Deps = Pick<ObserveDeps, "api" | "cache">;

/** The cluster's object is gone: its members leave nothing and nobody, and are let go as soon as the garbage collector asks. */
export async function releaseMembers(deps: Deps, key: ObjectKey): Promise<void> {
  const members = await deps.api.list(ETCD_MEMBERS, key.namespace, { [LABELS.cluster]: key.name });
  await letGo(deps, members);
}

/** The same for members of a former cluster of this name. */
export async function releaseFormerMembers(deps: Deps, cluster: EtcdCluster): Promise<void> {
  const { name, namespace = "" } = cluster.metadata;
  const members = await deps.cache.list(ETCD_MEMBERS, namespace, { [LABELS.cluster]: name });
  await letGo(
    deps,
    members.filter((member) => !isOurs(member, cluster)),
  );
}

async function letGo({ api }: Deps, members: readonly EtcdMember[]): Promise<void> {
  for (const { metadata } of members) {
    if (metadata.deletionTimestamp === undefined || !metadata.finalizers?.includes(LEAVE_FINALIZER)) continue;
    const { name, namespace = "", uid } = metadata;
    const finalizers = metadata.finalizers.filter((finalizer) => finalizer !== LEAVE_FINALIZER);
    try {
      await api.patch(ETCD_MEMBERS, { namespace, name }, { metadata: { uid, finalizers } });
    } catch (error) {
      if (!(error instanceof KubeError) || (error.reason !== "NotFound" && error.reason !== "Conflict")) throw error;
    }
  }
}
