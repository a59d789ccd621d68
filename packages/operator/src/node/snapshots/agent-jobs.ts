import {
  type AgentJobOptions,
  agentJob,
  JOBS,
  type Job,
  type JobOutcome,
  jobOutcome,
  type KubeApi,
  KubeError,
  type ObjectKey,
  PODS,
} from "../../core/index.ts";

/** What is there of a piece of work: nothing yet, or its Job and what became of it. */
export type WorkView = { readonly kind: "absent" } | (JobOutcome & { readonly job: Job });

/** Looks for a Job by its name, live: what follows from it must not follow from an old view. */
export async function viewWork(api: KubeApi, key: ObjectKey): Promise<WorkView> {
  const job = await api.get(JOBS, key);
  if (job === undefined) return { kind: "absent" };
  const pods = await api.list(PODS, key.namespace, { "job-name": key.name });
  return { ...jobOutcome(job, pods), job };
}

/** Makes a Job; one of the same name that is there is the same work, begun by an operator before this one. */
export async function startWork(api: KubeApi, options: AgentJobOptions): Promise<"started" | "there"> {
  try {
    await api.create(JOBS, agentJob(options));
    return "started";
  } catch (error) {
    if (isReason(error, "AlreadyExists")) return "there";
    throw error;
  }
}

/** Deletes a Job and its Pods. */
export async function endWork(api: KubeApi, { metadata }: Job): Promise<void> {
  const uid = metadata.uid === undefined ? {} : { uid: metadata.uid };
  await api
    .delete(JOBS, { namespace: metadata.namespace ?? "", name: metadata.name }, { ...uid, propagation: "Background" })
    .catch((error: unknown) => {
      if (!isReason(error, "Conflict")) throw error;
    });
}

/** Whether the API server refused for this reason. */
export function isReason(error: unknown, reason: KubeError["reason"]): boolean {
  const { name, reason: found } = (error ?? {}) as { readonly name?: unknown; readonly reason?: unknown };
  return name === "KubeError" && found === reason;
}
