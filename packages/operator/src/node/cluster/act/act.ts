import { EtcdCallError, KubeError, type Step } from "../../../core/index.ts";
import { type ActContext, type ActOutcome, DONE, notNow } from "./act-context.ts";
import { setAuthentication } from "./authentication-step.ts";
import { adoptClaim, createClaim, deleteClaim, expandClaims, retireClaim } from "./claim-steps.ts";
import { recordIdentity } from "./identity-steps.ts";
import { compact, defragment, disarmAlarm, renewCertificate } from "./maintenance-steps.ts";
import {
  createMember,
  forgetMember,
  markJoined,
  markLeaving,
  requestRecovery,
  setMemberEpoch,
  withdrawLeaving,
} from "./member-steps.ts";
import { addLearner, moveLeader, promote, removeFromCluster } from "./membership-steps.ts";
import { createPod, deletePod } from "./pod-steps.ts";
import { rotateAuthorities } from "./rotation-steps.ts";

/**
 * Carries out one step, reading anew what it presumes. Rejects with what the Kubernetes API failed with, unless that says that the step was
 * done before or that the world has changed: both are for the next pass to see.
 */
export async function act(context: ActContext, step: Step): Promise<ActOutcome> {
  try {
    return await perform(context, step);
  } catch (error) {
    if (error instanceof EtcdCallError) return notNow(`${error.code}: ${error.message}`);
    if (!(error instanceof KubeError)) throw error;
    switch (error.reason) {
      case "AlreadyExists":
        return DONE;
      case "Conflict":
      case "NotFound":
        return notNow(error.message);
      default:
        throw error;
    }
  }
}

function perform(context: ActContext, step: Step): Promise<ActOutcome> {
  switch (step.kind) {
    case "CreateMember":
      return createMember(context, step);
    case "CreateClaim":
      return createClaim(context, step);
    case "CreatePod":
      return createPod(context, step);
    case "RecordIdentity":
      return recordIdentity(context, step);
    case "MarkJoined":
      return markJoined(context, step);
    case "AddLearner":
      return addLearner(context, step);
    case "Promote":
      return promote(context, step);
    case "MarkLeaving":
      return markLeaving(context, step);
    case "WithdrawLeaving":
      return withdrawLeaving(context, step);
    case "MoveLeader":
      return moveLeader(context, step);
    case "RemoveFromCluster":
      return removeFromCluster(context, step);
    case "DeletePod":
      return deletePod(context, step);
    case "DeleteClaim":
      return deleteClaim(context, step);
    case "RetireClaim":
      return retireClaim(context, step);
    case "AdoptClaim":
      return adoptClaim(context, step);
    case "ForgetMember":
      return forgetMember(context, step);
    case "RequestRecovery":
      return requestRecovery(context, step);
    case "SetMemberEpoch":
      return setMemberEpoch(context, step);
    case "ExpandClaims":
      return expandClaims(context, step);
    case "RenewCertificate":
      return renewCertificate(context, step);
    case "RotateAuthorities":
      return rotateAuthorities(context, step);
    case "SetAuthentication":
      return setAuthentication(context, step);
    case "Compact":
      return compact(context, step);
    case "Defragment":
      return defragment(context, step);
    case "DisarmAlarm":
      return disarmAlarm(context, step);
  }
}
