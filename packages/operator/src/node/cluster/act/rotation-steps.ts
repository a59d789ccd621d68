import {
  ANNOTATIONS,
  AUTHORITY_STAGES,
  type AuthorityStage,
  authoritySecretName,
  base64FromText,
  type ClusterAuthorities,
  KubeError,
  SECRETS,
  type Step,
} from "../../../core/index.ts";
import { newAuthorities } from "../derive/credentials.ts";
import { authoritiesOf } from "../observe/authorities.ts";
import { type ActContext, type ActOutcome, DONE, keyOf, notNow } from "./act-context.ts";

type StepOf<Kind extends Step["kind"]> = Extract<Step, { readonly kind: Kind }>;
type Data = Readonly<Record<string, string | null>>;

/**
 * The Secret of the authorities is the only record of the phase, so that one write is the whole step. What everybody trusts and shows follows
 * from it.
 */
export async function rotateAuthorities(context: ActContext, step: StepOf<"RotateAuthorities">): Promise<ActOutcome> {
  const { deps, sight } = context;
  const name = authoritySecretName(sight.settings.name);
  // As it was seen, and not as it is now: that everybody trusts what it holds was seen of that.
  const secret = sight.secrets.get(name);
  const data = await changed(context, step.to);
  if (secret === undefined || data === undefined) return notNow(`the authorities are not ready for ${step.to}`);
  const { uid, resourceVersion } = secret.metadata;
  const asked = sight.cluster.metadata.annotations?.[ANNOTATIONS.rotateAuthorities];
  const annotations = {
    [ANNOTATIONS.authoritiesChangedAt]: new Date(deps.clock.wallMs()).toISOString(),
    ...(step.to === "TrustNew" && asked !== undefined ? { [ANNOTATIONS.authoritiesRotatedFor]: asked } : {}),
  };
  try {
    await deps.api.patch(SECRETS, keyOf(context, name), { metadata: { uid, resourceVersion, annotations }, data });
    return DONE;
  } catch (error) {
    if (!(error instanceof KubeError) || error.reason !== "Conflict") throw error;
    return notNow(`${name} was changed meanwhile`);
  }
}

/** What the Secret's data is changed by; null removes. Undefined if it is not in the phase before. */
async function changed({ deps, sight }: ActContext, to: StepOf<"RotateAuthorities">["to"]): Promise<Data | undefined> {
  const authorities = authoritiesOf(sight.settings, sight.secrets);
  if (authorities === undefined) return undefined;
  const { current, dropped, former, next } = authorities;
  switch (to) {
    case "TrustNew":
      if (next !== undefined || former !== undefined || dropped !== undefined) return undefined;
      return stage("next", await newAuthorities(deps, sight.settings));
    case "Reissue":
      if (next === undefined) return undefined;
      return { ...stage("current", next), ...stage("next", undefined), ...stage("former", current) };
    case "DropOld":
      if (former === undefined) return undefined;
      return { ...stage("former", undefined), ...stage("dropped", former) };
    case "Done":
      return dropped === undefined ? undefined : stage("dropped", undefined);
  }
}

function stage(name: AuthorityStage, authorities: ClusterAuthorities | undefined): Data {
  const { client, peer } = AUTHORITY_STAGES[name];
  return {
    [client.cert]: encoded(authorities?.client.certPem),
    [client.key]: encoded(authorities?.client.keyPem),
    [peer.cert]: encoded(authorities?.peer.certPem),
    [peer.key]: encoded(authorities?.peer.keyPem),
  };
}

function encoded(text: string | undefined): string | null {
  return text === undefined ? null : base64FromText(text);
}
