import { BEHAVIOUR_CHANGES, type BehaviourChange, hasChange } from "../differential/behaviour-changes.ts";
import { differences } from "../differential/differences.ts";
import type { Restraints } from "./auth-generator.ts";
import type { AuthStep } from "./auth-step.ts";

/** A change between releases in who may do what, or in how a refusal is told. */
export interface AuthChange extends Pick<BehaviourChange, "id" | "reason" | "since"> {
  /** Whether this change is why the answers differ. */
  readonly covers: (step: AuthStep, newer: Answer, older: Answer) => boolean;
}

/** An answer as far as it is looked at here. */
export type Answer = Readonly<{
  ok?: boolean;
  code?: number;
  message?: string;
  response?: Readonly<Record<string, unknown>>;
}>;

const GUARDED_READS: ReadonlySet<string> = new Set([
  "Lease/LeaseLeases",
  "Lease/LeaseTimeToLive",
  "Lease/LeaseKeepAlive",
  "Cluster/MemberList",
  "Maintenance/Alarm",
  "Maintenance/MoveLeader",
  "Maintenance/Status",
]);
const BAD_TRANSFEREE = "etcdserver: bad leader transferee";
const REFUSALS: ReadonlySet<unknown> = new Set([
  "etcdserver: user name is empty",
  "etcdserver: permission denied",
  "etcdserver: invalid auth token",
]);
/** How errors read inside of etcd, where that is not only the beginning. */
const INNER_TEXTS: Readonly<Record<string, string>> = { "etcdserver: user name not found": "auth: user not found" };

/** Every difference between releases that random users and requests are known to meet. Nothing else is excused. */
export const AUTH_CHANGES: readonly AuthChange[] = [
  {
    id: "guarded-reads",
    reason:
      "since 3.5.28 leases, members, alarms and the status are told to users alone, and only root moves the leader",
    since: ["3.5.28", "3.6.9"],
    covers: (step, newer, older) =>
      GUARDED_READS.has(methodOf(step)) &&
      newer.ok === false &&
      REFUSALS.has(newer.message) &&
      (older.ok === true || older.message === BAD_TRANSFEREE),
  },
  {
    id: "status-for-users",
    reason: "since 3.5.32 and 3.6.12 any user may ask for the status; from 3.5.28 on only root might",
    since: ["3.5.32", "3.6.12"],
    covers: (step, newer, older) =>
      methodOf(step) === "Maintenance/Status" && newer.ok === true && REFUSALS.has(older.message),
  },
  {
    id: "auth-status-for-all",
    reason: "since 3.7 anybody may ask whether users count; before, root alone; 3.4 does not know the question",
    since: ["3.7.0"],
    covers: (step, newer, older) =>
      methodOf(step) === "Auth/AuthStatus" && (newer.ok === true || older.code === 12) && older.ok === false,
  },
  {
    id: "role-root",
    reason: "since 3.6 the role root is told to have every permission, before what was given to it",
    since: ["3.6.0"],
    covers: (step, newer, older) =>
      methodOf(step) === "Auth/RoleGet" && newer.ok === true && older.ok === true && isRole(step, "root"),
  },
  {
    id: "watch-of-open-range",
    reason: "since 3.7.1 a watch from a key on needs permission for all that follows, before for that key alone",
    since: ["3.7.1"],
    covers: (step, newer, older) =>
      methodOf(step) === "Watch/Watch" &&
      String(newer.response?.["cancel_reason"]).endsWith("permission denied") &&
      older.response?.["canceled"] === false,
  },
  {
    id: "maintenance-errors",
    reason: "since 3.6 refusals of maintenance have the codes and texts of other refusals",
    since: ["3.6.0"],
    covers: (step, newer, older) =>
      methodOf(step).startsWith("Maintenance/") && older.message === innerText(newer.message),
  },
];

/** Says why two releases may answer differently. */
export class Excuses {
  readonly #changes: ReturnType<typeof changesBetween>;

  constructor(olderVersion: string, newerVersion: string) {
    this.#changes = changesBetween(olderVersion, newerVersion);
  }

  /** What explains a difference; undefined where nothing does. */
  find(step: AuthStep, newer: Answer, older: Answer): string | undefined {
    return this.#changes.auth.find(({ covers }) => covers(step, newer, older))?.id ?? this.#other(step, newer, older);
  }

  /** A change that the differential of requests without users knows: the newer answer, told as the older would be. */
  #other(step: AuthStep, newer: Answer, older: Answer): string | undefined {
    if (step.kind !== "call" || newer.ok !== true || older.ok !== true) return undefined;
    let told: unknown = newer;
    const used: string[] = [];
    for (const { asOlder, id } of this.#changes.other) {
      const as = asOlder({ kind: "call", method: step.method, request: step.request }, told, older);
      if (as === undefined) continue;
      told = as;
      used.push(id);
    }
    return used.length > 0 && differences(older, told).length === 0 ? used.join("+") : undefined;
  }
}

/** The changes that lie between two releases, and those of answers that have nothing to do with users. */
function changesBetween(
  a: string,
  b: string,
): { readonly auth: readonly AuthChange[]; readonly other: readonly BehaviourChange[] } {
  const lies = (change: Pick<BehaviourChange, "since">): boolean =>
    hasChange(change as BehaviourChange, a) !== hasChange(change as BehaviourChange, b);
  return { auth: AUTH_CHANGES.filter(lies), other: BEHAVIOUR_CHANGES.filter(lies) };
}

/** What a release must not be asked. */
export function restraintsOf(version: string): Restraints {
  const isNew = hasChange({ since: ["3.5.28", "3.6.9"] } as unknown as BehaviourChange, version);
  return { plainTxns: !isNew, guardedWrites: !isNew, validPermissions: version.startsWith("3.4.") };
}

function methodOf(step: AuthStep): string {
  return step.kind === "login" ? "Auth/Authenticate" : step.method;
}

function isRole(step: AuthStep, role: string): boolean {
  return step.kind === "call" && step.request["role"] === role;
}

function innerText(message: string | undefined): string {
  return INNER_TEXTS[message ?? ""] ?? String(message).replace("etcdserver: ", "auth: ");
}
