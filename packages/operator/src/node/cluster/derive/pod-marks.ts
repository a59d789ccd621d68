import type { Decision } from "../../../core/index.ts";
import { type ClusterSettings, GROUP, LABELS, PODS, type Pod, scrapeAnnotations } from "../../../core/index.ts";
import type { ObserveDeps } from "../observe/observe.ts";

/** Keys of the user's labels and annotations that the Pod was given, so that they can be taken off again. */
const GIVEN_ANNOTATION = `${GROUP}/pod-template-keys`;

type Marks = Readonly<Record<string, string | null>>;

/** Brings a Pod's labels and annotations to what they are to be, without replacing it. */
export async function markPod(
  deps: Pick<ObserveDeps, "api">,
  settings: ClusterSettings,
  decision: Pick<Decision, "voters" | "drained" | "isFenced">,
  pod: Pod,
): Promise<void> {
  if (pod.metadata.deletionTimestamp !== undefined) return;
  const member = pod.metadata.labels?.[LABELS.member] ?? "";
  const isVoter = decision.voters.includes(member);
  const isServing = isVoter && !decision.isFenced && !decision.drained.includes(member);
  const given = givenKeys(pod);
  const { podTemplate } = settings.spec;
  const wantedAnnotations = { ...podTemplate.annotations, ...scrapeAnnotations(settings) };
  const keys = { labels: Object.keys(podTemplate.labels), annotations: Object.keys(wantedAnnotations) };
  const labels: Marks = {
    ...removed(given.labels, podTemplate.labels),
    ...podTemplate.labels,
    [LABELS.voter]: String(isVoter),
    [LABELS.serving]: String(isServing),
  };
  const annotations: Marks = {
    ...removed(given.annotations, wantedAnnotations),
    ...wantedAnnotations,
    [GIVEN_ANNOTATION]: JSON.stringify(keys),
  };
  const metadata = {
    ...changed("labels", pod.metadata.labels ?? {}, labels),
    ...changed("annotations", pod.metadata.annotations ?? {}, annotations),
  };
  if (Object.keys(metadata).length === 0) return;
  const { name, namespace = "", uid } = pod.metadata;
  // A UID in a patch is compared: another Pod of this name is left alone.
  await deps.api.patch(PODS, { namespace, name }, { metadata: { uid, ...metadata } });
}

function changed(
  field: string,
  have: Readonly<Record<string, string>>,
  wanted: Marks,
): Readonly<Record<string, Marks>> {
  const differing = Object.entries(wanted).filter(([key, value]) => (have[key] ?? null) !== value);
  return differing.length === 0 ? {} : { [field]: Object.fromEntries(differing) };
}

function removed(given: readonly string[], wanted: object): Marks {
  return Object.fromEntries(given.filter((key) => !Object.hasOwn(wanted, key)).map((key) => [key, null]));
}

function givenKeys(pod: Pod): { readonly labels: readonly string[]; readonly annotations: readonly string[] } {
  try {
    const { labels = [], annotations = [] } = JSON.parse(pod.metadata.annotations?.[GIVEN_ANNOTATION] ?? "{}") as {
      readonly labels?: readonly string[];
      readonly annotations?: readonly string[];
    };
    return { labels, annotations };
  } catch {
    return { labels: [], annotations: [] };
  }
}
