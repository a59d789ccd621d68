import type { Prng } from "@quorate/base";
import type { Member } from "./member.ts";
import type { Network } from "./network.ts";
import type { Profile } from "./profile.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Trace } from "./trace.ts";

/** When a fault hurts most: something has just been promised, or decided. */
export type Moment = "voted" | "elected" | "firstCommit" | "appended" | "acknowledged" | "reconfigured" | "snapshot";

export interface NemesisDeps {
  readonly scheduler: Scheduler;
  readonly prng: Prng;
  readonly trace: Trace;
  readonly network: Network;
  readonly profile: Profile;
  readonly members: () => readonly Member[];
}

/** A leader in exile comes back when the next one goes there, or after this time. */
const EXILE_MAX_US = 700_000;
const CLOCK_RATES: readonly number[] = [0.5, 0.75, 0.9, 1, 1, 1.1, 1.4, 2];

/** Does everything bad that may happen, at random times and at the worst ones, until it is stopped. */
export class Nemesis {
  readonly #deps: NemesisDeps;
  #active = true;
  /** Faults come in storms, and between them the cluster gets something done. */
  #isStormy = false;
  /** The leader that was cut off last. */
  #exile: Member | undefined;

  constructor(deps: NemesisDeps) {
    this.#deps = deps;
    const { faults } = deps.profile;
    this.#turn();
    for (const member of deps.members()) this.skewClock(member);
    this.#often(faults.partitionMs, () => this.#partition());
    this.#often(faults.crashMs, () => this.#crash(this.#someone(), this.#someMs(300)));
    this.#often(faults.blackoutMs, () => this.#blackout());
    this.#often(faults.pauseMs, () => this.#pause(this.#someone()));
    this.#often(faults.clockMs, () => this.skewClock(this.#someone()));
  }

  /** Ends all faults. */
  stop(): void {
    this.#active = false;
    this.#isStormy = false;
    this.#deps.network.mendAll();
    for (const member of this.#deps.members()) {
      member.resume();
      member.setClockRate(1);
      member.start();
    }
  }

  /** A clock that is wrong from now on, or right again. */
  skewClock(member: Member): void {
    member.setClockRate(CLOCK_RATES[this.#deps.prng.below(CLOCK_RATES.length)] as number);
  }

  /** Tells of a moment; with the profile's chance something happens to the member within a few milliseconds. */
  ambush(moment: Moment, member: Member): void {
    const { prng, profile, scheduler } = this.#deps;
    const { ambushPermille, reignAmbushPermille } = profile.faults;
    if (moment === "elected" || moment === "firstCommit") {
      // Not only in a storm: it takes several short reigns in a row to find anything.
      const earlyUs = prng.below(prng.below(2) === 0 ? 300 : 6000);
      if (prng.below(1000) < reignAmbushPermille) this.#endReign(member, moment === "elected" ? earlyUs : 0);
      return;
    }
    if (!this.#isStormy) return;
    if (moment === "reconfigured" && member.process?.replica.isLeader === true) this.#split(member);
    if (moment === "voted" && prng.below(1000) < profile.faults.forgetPermille) {
      this.#shakeVoter(member);
      return;
    }
    if (prng.below(1000) >= ambushPermille) return;
    const frequent = moment === "appended" || moment === "acknowledged";
    if (frequent && prng.below(4) !== 0) return;
    scheduler.after(prng.below(4000), () => {
      if (this.#isStormy) this.#strike(member);
    });
  }

  /** A leader is gone before its entries are with the others, or before anybody else knows that they are committed. */
  #endReign(member: Member, delayUs: number): void {
    const { prng, profile, scheduler } = this.#deps;
    const end = (): void => {
      if (!this.#active) return;
      if (profile.faults.exilesLeaders) this.#exileLeader(member);
      else if (prng.below(6) === 0) this.#crash(member, this.#someMs(100));
      else this.#isolate([member], 50 + prng.below(200));
    };
    if (delayUs === 0) end();
    else scheduler.after(delayUs, end);
  }

  /** Cuts this leader off and lets the one before it come back, with whatever it has in its log that nobody else has. */
  #exileLeader(member: Member): void {
    const { network, scheduler, trace } = this.#deps;
    if (this.#exile === member) return;
    trace.record("exile", Number(member.id), Number(this.#exile?.id ?? 0));
    const rest = this.#deps.members().filter((other) => other !== member);
    for (const { id } of rest) {
      if (this.#exile !== undefined) {
        network.mend(id, this.#exile.id);
        network.mend(this.#exile.id, id);
      }
      network.cut(id, member.id);
      network.cut(member.id, id);
    }
    this.#exile = member;
    scheduler.after(EXILE_MAX_US, () => {
      if (this.#exile !== member) return;
      this.#exile = undefined;
      for (const { id } of rest) {
        network.mend(id, member.id);
        network.mend(member.id, id);
      }
    });
  }

  /** A voter starts anew within milliseconds, among others that may not have heard of the term it has voted in. */
  #shakeVoter(voter: Member): void {
    const { prng, scheduler } = this.#deps;
    scheduler.after(prng.below(8000), () => {
      if (!this.#isStormy) return;
      const others = this.#deps.members().filter((other) => other !== voter);
      const companions = others.filter(() => prng.below(others.length) < 2).slice(0, 2);
      this.#isolate([voter, ...companions], 100 + prng.below(200));
      this.#crash(voter, this.#someMs(4));
    });
  }

  /** The leader, which alone knows that a change is in force, and few others on one side: two quorums if there can be two. */
  #split(leader: Member): void {
    const { prng, profile } = this.#deps;
    if (prng.below(1000) >= profile.faults.splitPermille) return;
    const others = this.#deps.members().filter((other) => other !== leader);
    const companions = others.filter(() => prng.below(others.length) < 2).slice(0, 2);
    this.#isolate([leader, ...companions], 100 + prng.below(300));
  }

  #strike(member: Member): void {
    const { prng } = this.#deps;
    const others = this.#deps.members().filter((other) => other !== member);
    switch (prng.below(6)) {
      case 0:
        this.#crash(member, this.#someMs(10));
        return;
      case 1:
        this.#crash(member, this.#someMs(400));
        return;
      case 2:
        this.#isolate([member], this.#someMs(500));
        return;
      case 3:
        this.#isolate([member, others[prng.below(others.length)] as Member], this.#someMs(500));
        return;
      case 4:
        this.#pause(member);
        return;
      default:
        for (const other of [member, ...others.filter(() => prng.below(2) === 0)]) this.#crash(other, this.#someMs(50));
    }
  }

  /** From calm to storm, or back. */
  #turn(): void {
    const { prng, profile, scheduler } = this.#deps;
    const lastsMs = this.#isStormy ? profile.faults.stormMs : profile.faults.calmMs;
    scheduler.after(1000 * (50 + prng.below(2 * lastsMs)), () => {
      if (!this.#active) return;
      this.#isStormy = !this.#isStormy;
      this.#turn();
    });
  }

  #partition(): void {
    const { prng } = this.#deps;
    const members = this.#deps.members();
    const size = 1 + prng.below(Math.max(1, members.length >> 1));
    const group = members.filter(() => prng.below(members.length) < size);
    this.#isolate(group.length === 0 ? [this.#someone()] : group, this.#someMs(500));
  }

  /** Cuts a group off from the rest, both ways, or only one of them, or only some of the links. */
  #isolate(group: readonly Member[], durationMs: number): void {
    const { network, prng, scheduler, trace } = this.#deps;
    const style = prng.below(5);
    const cut: [bigint, bigint][] = [];
    for (const inside of group) {
      trace.record("isolate", Number(inside.id), style, durationMs);
      for (const outside of this.#deps.members()) {
        if (group.includes(outside) || (style === 4 && prng.below(2) === 0)) continue;
        if (style !== 1) cut.push([inside.id, outside.id]);
        if (style !== 2) cut.push([outside.id, inside.id]);
      }
    }
    for (const [from, to] of cut) network.cut(from, to);
    scheduler.after(durationMs * 1000, () => {
      for (const [from, to] of cut) network.mend(from, to);
    });
  }

  #crash(member: Member, downMs: number): void {
    const { prng, scheduler, trace } = this.#deps;
    if (member.process === undefined) return;
    const losesPower = prng.below(4) !== 0;
    trace.record("crash", Number(member.id), losesPower ? 1 : 0, downMs);
    member.crash(losesPower);
    scheduler.after(downMs * 1000, () => {
      if (member.process !== undefined || member.isRetired) return;
      trace.record("start", Number(member.id));
      member.start();
    });
  }

  #blackout(): void {
    for (const member of this.#deps.members()) this.#crash(member, this.#someMs(100));
  }

  #pause(member: Member): void {
    const { scheduler, trace } = this.#deps;
    if (member.process === undefined || member.isPaused) return;
    const durationMs = this.#someMs(500);
    trace.record("pause", Number(member.id), durationMs);
    member.pause();
    const { process } = member;
    scheduler.after(durationMs * 1000, () => {
      if (member.process === process) member.resume();
    });
  }

  #someone(): Member {
    const members = this.#deps.members();
    return members[this.#deps.prng.below(members.length)] as Member;
  }

  #someMs(most: number): number {
    return 1 + this.#deps.prng.below(most);
  }

  #often(averageMs: number, run: () => void): void {
    const { prng, scheduler } = this.#deps;
    scheduler.after(prng.below(2000 * averageMs), () => {
      if (!this.#active) return;
      if (this.#isStormy) run();
      this.#often(averageMs, run);
    });
  }
}
