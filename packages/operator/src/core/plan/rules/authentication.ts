import type { Facts } from "../facts/facts.ts";
import { hasQuorum } from "../facts/facts.ts";
import { act, type Verdict } from "./verdict.ts";

/** Whether requests need a user, as the spec says: before the cluster grows, so that it is never open for longer than it takes to found it. */
export function authentication(facts: Facts): Verdict | undefined {
  const { authentication: found } = facts.world.etcd;
  if (found === undefined || !hasQuorum(facts)) return undefined;
  const { enabled } = facts.spec.auth;
  if (found.isEnabled === enabled && (!enabled || found.isPasswordSet)) return undefined;
  const message = enabled ? "authentication is set up" : "authentication is turned off";
  const step = { kind: "SetAuthentication", isEnabled: enabled } as const;
  return act("authentication", step, { progress: "SettingAuthentication", message });
}
