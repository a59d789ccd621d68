import type { Prng } from "@quorate/base";
import type { Message } from "@quorate/raft";
import { Disk } from "./disk.ts";
import type { Host, Observer, PlantedPorts, Tuning } from "./host.ts";
import { Process, TICK_US } from "./process.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Image } from "./sim-backend.ts";
import { Violation } from "./violation.ts";

/** Local time between two rounds of leases, checkpoints and compaction. */
const HOUSEKEEPING_US = 50_000;

export interface MemberDeps {
  readonly scheduler: Scheduler;
  readonly prng: Prng;
  readonly tuning: Tuning;
  readonly planted: PlantedPorts;
  readonly founders: readonly bigint[] | undefined;
  readonly observer: Observer;
  readonly sendMessages: (messages: readonly Message[]) => void;
  readonly sendSnapshot: (message: Message, image: Image) => void;
  /** Something has happened inside, and is over. */
  readonly onStep: (process: Process) => void;
  readonly onEnd: (process: Process) => void;
}

/** A machine: its disk stays, processes come and go on it, it may stand still, and its clock may be wrong. */
export class Member {
  readonly id: bigint;
  readonly disk: Disk;
  readonly #deps: MemberDeps;
  #process: Process | undefined;
  /** What arrives while the machine stands still. */
  #backlog: (() => void)[] | undefined;
  /** Local time that passes in a unit of simulated time. */
  #clockRate = 1;
  #localUs = 0;
  #localSinceUs = 0;
  /** Whether it was removed from the cluster, and will not start again. */
  isRetired = false;

  constructor(id: bigint, deps: MemberDeps) {
    this.id = id;
    this.#deps = deps;
    this.disk = new Disk(deps.scheduler, deps.prng);
  }

  get process(): Process | undefined {
    return this.#process;
  }

  get isPaused(): boolean {
    return this.#backlog !== undefined;
  }

  /** Starts a process on what the disk holds. */
  start(): void {
    if (this.#process !== undefined || this.isRetired) return;
    const deps = this.#deps;
    const host: Host = {
      id: this.id,
      tuning: deps.tuning,
      disk: this.disk,
      prng: deps.prng,
      founders: deps.founders,
      nowMs: () => this.#nowUs() / 1000,
      // Any number that grows will do.
      startMs: deps.scheduler.nowUs,
      after: (delayUs, run) => this.#after(delayUs, run),
      sendMessages: deps.sendMessages,
      sendSnapshot: deps.sendSnapshot,
      observer: deps.observer,
      planted: deps.planted,
    };
    this.#process = new Process(host);
    this.#repeat(TICK_US, deps.prng.below(TICK_US), (process) => process.replica.tick());
    this.#repeat(HOUSEKEEPING_US, deps.prng.below(HOUSEKEEPING_US), (process) => process.housekeep());
  }

  /** Ends the process without a word. */
  crash(losesPower: boolean): void {
    const process = this.#process;
    if (process === undefined) return;
    this.#process = undefined;
    this.#backlog = undefined;
    this.disk.crash(losesPower);
    this.#deps.onEnd(process);
  }

  /** Ends for good. */
  retire(): void {
    this.isRetired = true;
    this.crash(false);
  }

  /** Does something in the process as one step: now, when it goes on, or never if there is none. */
  enter(run: (process: Process) => void): void {
    const process = this.#process;
    if (process !== undefined) this.#within(process, () => run(process));
  }

  /** The machine stands still until `resume`. */
  pause(): void {
    if (this.#process !== undefined) this.#backlog ??= [];
  }

  resume(): void {
    const backlog = this.#backlog;
    this.#backlog = undefined;
    for (const run of backlog ?? []) run();
  }

  /** From now on `rate` units of local time pass in one of simulated time. */
  setClockRate(rate: number): void {
    this.#localUs = this.#nowUs();
    this.#localSinceUs = this.#deps.scheduler.nowUs;
    this.#clockRate = rate;
  }

  #nowUs(): number {
    return this.#localUs + (this.#deps.scheduler.nowUs - this.#localSinceUs) * this.#clockRate;
  }

  #within(process: Process, run: () => void): void {
    if (this.#process !== process) return;
    if (this.#backlog !== undefined) {
      this.#backlog.push(() => this.#within(process, run));
      return;
    }
    try {
      run();
    } catch (error) {
      if (error instanceof Violation) throw error;
      throw new Violation("no failure", `member ${this.id}: ${(error as Error).message}`, { cause: error });
    }
    this.#deps.onStep(process);
  }

  #after(delayUs: number, run: () => void): void {
    // At the start the process is not known here yet.
    let process = this.#process;
    this.#deps.scheduler.after(delayUs, () => {
      process ??= this.#process;
      if (process !== undefined) this.#within(process, run);
    });
  }

  /** Calls `run` every `localUs` of local time while this process lives; a machine that stands still misses calls. */
  #repeat(localUs: number, firstUs: number, run: (process: Process) => void): void {
    const process = this.#process;
    if (process === undefined) return;
    const again = (): void => {
      if (this.#process !== process) return;
      if (this.#backlog === undefined) this.#within(process, () => run(process));
      this.#deps.scheduler.after(Math.round(localUs / this.#clockRate), again);
    };
    this.#deps.scheduler.after(firstUs, again);
  }
}
