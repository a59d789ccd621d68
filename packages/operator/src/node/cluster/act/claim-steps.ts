import {
  ANNOTATIONS,
  CLAIMS,
  type Claim,
  GROUP,
  LABELS,
  memberClaim,
  PODS,
  parseQuantity,
  type Step,
} from "../../../core/index.ts";
import { type ActContext, type ActOutcome, DONE, keyOf, liveMember, notNow } from "./act-context.ts";

type StepOf<Kind extends Step["kind"]> = Extract<Step, { readonly kind: Kind }>;

/** Why and when a volume was taken out of its cluster, for people. */
const RETIRED_REASON = `${GROUP}/retired-reason`;
const RETIRED_AT = `${GROUP}/retired-at`;
const RETIRED_MEMBER = `${GROUP}/retired-member`;

export async function createClaim(context: ActContext, step: StepOf<"CreateClaim">): Promise<ActOutcome> {
  const live = await liveMember(context, step.member);
  if (live === undefined) return notNow(`${step.member} is gone`);
  // Whoever has held data must not get an empty volume under its name.
  if (live.status?.joined === true) return notNow(`${step.member} has had a volume`);
  await context.deps.api.create(CLAIMS, memberClaim(context.sight.settings, step.member));
  return DONE;
}

export async function deleteClaim(context: ActContext, step: StepOf<"DeleteClaim">): Promise<ActOutcome> {
  const live = await liveClaim(context, step);
  if (typeof live === "string") return notNow(live);
  if (live === undefined) return DONE;
  if (live.metadata.annotations?.[ANNOTATIONS.clusterId] !== step.clusterId) {
    return notNow(`claim ${step.claim} was marked as a cluster's meanwhile`);
  }
  await context.deps.api.delete(CLAIMS, keyOf(context, step.claim), { uid: step.uid });
  return DONE;
}

export async function retireClaim(context: ActContext, step: StepOf<"RetireClaim">): Promise<ActOutcome> {
  const { deps, sight } = context;
  const live = await liveClaim(context, step);
  if (typeof live === "string") return notNow(live);
  if (live === undefined) return DONE;
  const member = live.metadata.labels?.[LABELS.member];
  const { restore } = sight.world;
  await patchClaim(context, live, {
    labels: {
      [LABELS.retired]: "true",
      [LABELS.member]: null,
      ...(restore === undefined ? {} : { [LABELS.restore]: restore.metadata.name }),
    },
    annotations: {
      [RETIRED_REASON]: step.reason,
      [RETIRED_AT]: new Date(deps.clock.wallMs()).toISOString(),
      ...(member === undefined ? {} : { [RETIRED_MEMBER]: member }),
    },
    // Kept is kept: the cluster's end does not take it along.
    ownerReferences: [],
  });
  return DONE;
}

export async function adoptClaim(context: ActContext, step: StepOf<"AdoptClaim">): Promise<ActOutcome> {
  const live = await context.deps.api.get(CLAIMS, keyOf(context, step.claim));
  if (live?.metadata.uid !== step.uid) return notNow(`claim ${step.claim} is another one now`);
  await patchClaim(context, live, {
    labels: { [LABELS.retired]: null, [LABELS.member]: step.member },
    annotations: { [RETIRED_REASON]: null, [RETIRED_AT]: null, [RETIRED_MEMBER]: null },
  });
  return DONE;
}

/** Kubernetes grows the volume; it never shrinks one, and neither do we. */
export async function expandClaims(context: ActContext, step: StepOf<"ExpandClaims">): Promise<ActOutcome> {
  for (const name of step.claims) {
    const live = await context.deps.api.get(CLAIMS, keyOf(context, name));
    if (live === undefined || live.metadata.deletionTimestamp !== undefined) continue;
    if ((parseQuantity(live.spec.resources.requests["storage"] ?? 0) ?? 0) >= step.bytes) continue;
    const patch = {
      metadata: { uid: live.metadata.uid },
      spec: { resources: { requests: { storage: context.sight.settings.spec.storage.size } } },
    };
    await context.deps.api.patch(CLAIMS, keyOf(context, name), patch);
  }
  return DONE;
}

/** The claim that is meant, if nothing uses it; undefined if it is gone; a sentence otherwise. */
async function liveClaim(
  context: ActContext,
  { claim, uid }: { readonly claim: string; readonly uid: string },
): Promise<Claim | string | undefined> {
  const { deps } = context;
  const live = await deps.api.get(CLAIMS, keyOf(context, claim));
  if (live === undefined) return undefined;
  if (live.metadata.uid !== uid) return `claim ${claim} is another one now`;
  const member = live.metadata.labels?.[LABELS.member];
  // A cluster that is being deleted takes its volumes out while Pods still end.
  if (member === undefined || context.sight.cluster.metadata.deletionTimestamp !== undefined) return live;
  const pod = await deps.api.get(PODS, keyOf(context, member));
  return pod === undefined ? live : `Pod ${member} still uses claim ${claim}`;
}

async function patchClaim(context: ActContext, live: Claim, metadata: object): Promise<void> {
  const { name, uid, resourceVersion } = live.metadata;
  await context.deps.api.patch(CLAIMS, keyOf(context, name), { metadata: { uid, resourceVersion, ...metadata } });
}
