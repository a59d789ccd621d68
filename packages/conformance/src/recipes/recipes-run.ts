import { SeededChoice } from "@quorate/testkit";
import type { Message } from "../etcd-api.ts";
import { Checks, type SuiteReport } from "../suite-report.ts";
import { type Candidate, RecipeSide } from "./recipe-side.ts";

const LOCKS = ["lock", "lock/a"] as const;
const ELECTIONS = ["election", "\u00e9lu"] as const;
const NAMES = [...LOCKS, ...ELECTIONS];
/** Leases of the run; negative ones are leases too. */
const LEASES = ["1", "171", "6148914691236517205", "-26"] as const;
const UNKNOWN_LEASE = "404";
const LEADERS_MAX = 6;

export interface RecipesRun {
  readonly target: readonly string[];
  readonly peer: readonly string[];
  readonly steps: number;
  readonly seed: number;
}

/**
 * Takes two servers through the same random steps of the Lock and Election services, one after the other, several clients waiting at a
 * time; they must answer the same, keep the same keys, and tell observers the same.
 */
export async function recipesRun({ target, peer, steps, seed }: RecipesRun): Promise<SuiteReport> {
  const checks = new Checks();
  await using one = await RecipeSide.start(target);
  await using other = await RecipeSide.start(peer);
  const sides = [one, other] as const;
  const script = new Script(sides, new SeededChoice(seed));
  await script.begin();
  for (let step = 0; step < steps; step++) {
    const [title, told] = await script.step(step);
    checks.equal(`seed ${seed} step ${step} ${title}`, told[0], told[1]);
    if (checks.failures.length > 3) break;
  }
  checks.equal(`seed ${seed}: what observers were told`, one.observations, other.observations);
  return { suite: "locks and elections", figure: `${checks.count} comparisons`, failures: checks.failures };
}

class Script {
  readonly #sides: readonly RecipeSide[];
  readonly #choice: SeededChoice;
  /** Keys that leaders were told are theirs, some of them of the past. */
  readonly #leaders: Message[] = [];
  /** After the step before. */
  #candidates: readonly Candidate[] = [];
  /** Key of the campaign that the step begins. */
  #campaigning: string | undefined;

  constructor(sides: readonly RecipeSide[], choice: SeededChoice) {
    this.#sides = sides;
    this.#choice = choice;
  }

  async begin(): Promise<void> {
    for (const ID of LEASES) await this.#ask("Lease/LeaseGrant", { ID, TTL: "3600" });
    for (const side of this.#sides) for (const name of ELECTIONS) side.observe(name);
  }

  /** What was done, and what each side says came of it. */
  async step(step: number): Promise<readonly [string, readonly string[]]> {
    const kind = this.#choice.weighted({
      lock: 6,
      campaign: 6,
      unlock: 5,
      resign: 4,
      proclaim: 4,
      leader: 2,
      giveUp: 2,
      revoke: 1,
      intrude: 1,
      missing: 1,
    });
    const told = await this.#do(step, kind);
    const settled = await Promise.all(this.#sides.map((side) => side.settled(NAMES)));
    this.#candidates = settled[0]?.candidates ?? [];
    this.#remember(step, this.#campaigning);
    this.#campaigning = undefined;
    return [kind, settled.map(({ text }, i) => `${told[i] ?? ""} ${text}`)];
  }

  async #do(step: number, kind: string): Promise<readonly string[]> {
    const choice = this.#choice;
    switch (kind) {
      case "lock":
        return this.#enter(step, "v3lockpb.Lock/Lock", choice.pick(LOCKS), {});
      case "campaign":
        return this.#enter(step, "v3electionpb.Election/Campaign", choice.pick(ELECTIONS), { value: this.#word() });
      case "unlock":
        return this.#ask("v3lockpb.Lock/Unlock", { key: Buffer.from(keyOf(choice.pick(LOCKS), choice.pick(LEASES))) });
      case "resign":
        return this.#ask("v3electionpb.Election/Resign", { leader: this.#leader() });
      case "proclaim":
        return this.#ask("v3electionpb.Election/Proclaim", { leader: this.#leader(), value: this.#word() });
      case "leader":
        return this.#ask("v3electionpb.Election/Leader", { name: Buffer.from(choice.pick([...ELECTIONS, "nobody"])) });
      case "giveUp":
        return this.#giveUp();
      case "revoke":
        return this.#renewLease();
      case "intrude":
        return this.#intrude();
      default:
        return this.#ask(choice.pick(["v3electionpb.Election/Resign", "v3electionpb.Election/Proclaim"]), {});
    }
  }

  async #enter(step: number, method: string, name: string, more: Message): Promise<readonly string[]> {
    const lease = this.#choice.oneIn(15) ? UNKNOWN_LEASE : this.#choice.pick(LEASES);
    const key = keyOf(name, lease);
    // What a second call of the same lease comes to while the first one waits depends on their timing.
    if (this.#sides[0]?.waitingSteps.some((each) => each.key === key) === true) return [];
    // A lock whose key is there already waits without a trace: nothing tells when it has begun to.
    if (method.endsWith("Lock") && this.#candidates.some((each) => each.key === key && !this.#isFirst(each))) return [];
    const request = { name: Buffer.from(name), lease, ...more };
    if (lease === UNKNOWN_LEASE) return this.#ask(method, request);
    for (const side of this.#sides) side.begin(step, method, request, name, key);
    if (method.endsWith("Campaign")) this.#campaigning = key;
    return [];
  }

  /** Whether nobody has wanted the same for longer. */
  #isFirst({ key, revision }: Candidate): boolean {
    const name = key.slice(0, key.lastIndexOf("/"));
    return !this.#candidates.some((each) => each.key.startsWith(`${name}/`) && each.revision < revision);
  }

  /** The key of a campaign: later steps speak for it, whether it leads by then or not. */
  #remember(step: number, key: string | undefined): void {
    const own = this.#candidates.find((each) => each.key === key);
    if (own === undefined) return;
    const lease = LEASES[step % LEASES.length];
    const name = own.key.slice(0, own.key.lastIndexOf("/"));
    this.#leaders.push({ name: Buffer.from(name), key: Buffer.from(own.key), rev: String(own.revision), lease });
    if (this.#leaders.length > LEADERS_MAX) this.#leaders.shift();
  }

  #leader(): Message {
    const known = this.#leaders.length === 0 ? undefined : this.#choice.pick(this.#leaders);
    return known ?? { name: Buffer.from("election"), key: Buffer.from("election/none"), rev: "7", lease: "1" };
  }

  async #giveUp(): Promise<readonly string[]> {
    // A lock whose key somebody has deleted deletes it again when it is given up, some time later and whoever's it is by then.
    const waiting = (this.#sides[0]?.waitingSteps ?? []).filter(({ isCampaign, isThere }) => isCampaign || isThere);
    if (waiting.length === 0) return [];
    const { step } = this.#choice.pick(waiting);
    for (const side of this.#sides) side.giveUp(step);
    return [];
  }

  async #renewLease(): Promise<readonly string[]> {
    const ID = this.#choice.pick(LEASES);
    const revoked = await this.#ask("Lease/LeaseRevoke", { ID });
    await this.#ask("Lease/LeaseGrant", { ID, TTL: "3600" });
    return revoked;
  }

  /** Somebody writes or deletes a candidate's key by hand. */
  #intrude(): Promise<readonly string[]> {
    const key = Buffer.from(keyOf(this.#choice.pick(NAMES), this.#choice.pick([...LEASES, "10"])));
    return this.#choice.oneIn(2)
      ? this.#ask("KV/DeleteRange", { key })
      : this.#ask("KV/Put", { key, value: this.#word() });
  }

  #word(): Buffer {
    return Buffer.from(this.#choice.pick(["", "yes", "no", `word ${this.#choice.below(100)}`]));
  }

  #ask(method: string, request: Message): Promise<readonly string[]> {
    return Promise.all(this.#sides.map((side) => side.ask(method, request)));
  }
}

/** The key of a candidate: etcd writes a lease in hexadecimal, with its sign. */
function keyOf(name: string, lease: string): string {
  return `${name}/${BigInt(lease).toString(16)}`;
}
