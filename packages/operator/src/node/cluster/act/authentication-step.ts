import { fingerprint, SECRETS, type Step } from "../../../core/index.ts";
import { secretText } from "../observe/authorities.ts";
import { rootSecretOf, SET_PASSWORD_ANNOTATION } from "../observe/observe.ts";
import { type ActContext, type ActOutcome, DONE, keyOf, notNow } from "./act-context.ts";
import { called, membershipOf } from "./membership-steps.ts";

type StepOf<Kind extends Step["kind"]> = Extract<Step, { readonly kind: Kind }>;

/** Whether requests need a user from now on, and root's password. */
export async function setAuthentication(context: ActContext, step: StepOf<"SetAuthentication">): Promise<ActOutcome> {
  const { deps, sight } = context;
  const membership = await membershipOf(context);
  if (typeof membership === "string") return notNow(membership);
  if (!step.isEnabled) return await called(context, () => membership.client.disableAuth());
  const name = rootSecretOf(sight.settings);
  const secret = await deps.api.get(SECRETS, keyOf(context, name));
  const password = secretText(secret, "password");
  if (secret === undefined || password === "") return notNow(`Secret ${name} has no password`);
  const outcome = await called(context, () => membership.client.enableAuth(password));
  if (outcome.kind !== "done") return outcome;
  const annotations = { [SET_PASSWORD_ANNOTATION]: fingerprint(password) };
  await deps.api.patch(SECRETS, keyOf(context, name), { metadata: { uid: secret.metadata.uid, annotations } });
  return DONE;
}
