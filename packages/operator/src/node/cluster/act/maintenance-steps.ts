import { EtcdCallError, type EtcdMemberClient, MANAGED_BY, SECRETS, type Step } from "../../../core/index.ts";
import { issueSecret } from "../derive/credentials.ts";
import { authoritiesOf } from "../observe/authorities.ts";
import { type ActContext, type ActOutcome, DONE, notNow } from "./act-context.ts";
import { called } from "./membership-steps.ts";

type StepOf<Kind extends Step["kind"]> = Extract<Step, { readonly kind: Kind }>;

/** Servers and the operator read the new certificate by themselves. */
export async function renewCertificate(context: ActContext, step: StepOf<"RenewCertificate">): Promise<ActOutcome> {
  const { deps, sight } = context;
  const authorities = authoritiesOf(sight.settings, sight.secrets);
  if (authorities === undefined) return notNow("the authority's key is not there");
  const secret = await issueSecret(deps, sight, authorities, step.secret);
  await deps.api.apply(SECRETS, secret, MANAGED_BY);
  return DONE;
}

export async function compact(context: ActContext, step: StepOf<"Compact">): Promise<ActOutcome> {
  const client = anyVoter(context);
  return client === undefined
    ? notNow("no member answers")
    : await called(context, () => client.compact(step.revision), ["Compacted"]);
}

export async function defragment(context: ActContext, step: StepOf<"Defragment">): Promise<ActOutcome> {
  const client = context.sight.clients.get(step.member);
  if (client === undefined) return notNow(`${step.member} cannot be asked`);
  const { isLearner } = await statusOf(client);
  if (isLearner) return notNow(`${step.member} is a learner`);
  return await called(context, () => client.defragment(step.timeoutMs));
}

export async function disarmAlarm(context: ActContext, step: StepOf<"DisarmAlarm">): Promise<ActOutcome> {
  const client = anyVoter(context);
  if (client === undefined) return notNow("no member answers");
  return await called(context, () => client.disarm({ memberId: step.memberId, alarm: step.alarm }));
}

async function statusOf(client: EtcdMemberClient): Promise<{ readonly isLearner: boolean }> {
  try {
    return await client.status();
  } catch (error) {
    if (!(error instanceof EtcdCallError)) throw error;
    // The call itself will tell.
    return { isLearner: false };
  }
}

function anyVoter({ sight }: ActContext): EtcdMemberClient | undefined {
  const voters = [...sight.world.etcd.answers].filter(
    ([, answer]) => answer.kind === "status" && !answer.status.isLearner && answer.status.leaderId !== "0",
  );
  const [first] = voters;
  return first === undefined ? undefined : sight.clients.get(first[0]);
}
