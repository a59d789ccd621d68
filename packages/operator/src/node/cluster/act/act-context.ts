import type { EtcdMember, ObjectKey } from "../../../core/index.ts";
import { ETCD_MEMBERS } from "../../../core/index.ts";
import type { ObserveDeps, Sight } from "../observe/observe.ts";

export interface ActContext {
  readonly deps: ObserveDeps;
  readonly sight: Sight;
}

/**
 * What came of a step: `done` also if somebody else had done it; `notNow` if what it presumed is not so any more or the cluster refuses at
 * the moment. The next pass looks again in either case.
 */
export type ActOutcome = { readonly kind: "done" } | NotNow;

export interface NotNow {
  readonly kind: "notNow";
  readonly why: string;
  /** Where people have to know. */
  readonly event?: { readonly reason: string };
}

export const DONE: ActOutcome = { kind: "done" };

export function notNow(why: string): NotNow {
  return { kind: "notNow", why };
}

export function keyOf({ sight }: ActContext, name: string): ObjectKey {
  return { namespace: sight.settings.namespace, name };
}

/** The EtcdMember as it is now, if it is still the one that was decided about. */
export async function liveMember(context: ActContext, name: string): Promise<EtcdMember | undefined> {
  const seen = context.sight.members.find(({ metadata }) => metadata.name === name);
  const live = await context.deps.api.get(ETCD_MEMBERS, keyOf(context, name));
  if (live === undefined || seen === undefined || live.metadata.uid !== seen.metadata.uid) return undefined;
  return live;
}

/** IDs of the cluster that are recorded, as seen by this pass: the first is what a change of the membership is made in. */
export function latchedId({ sight }: ActContext): string | undefined {
  return sight.cluster.status?.clusterID ?? sight.world.latches[0]?.clusterId;
}
