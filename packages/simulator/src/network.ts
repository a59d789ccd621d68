import type { Prng } from "@quorate/base";
import { type Message, MessageType } from "@quorate/raft";
import type { Scheduler } from "./scheduler.ts";

/** How well messages travel. Times in microseconds, chances in per mille. */
export interface LinkQuality {
  readonly delayMinUs: number;
  readonly delaySpreadUs: number;
  readonly lossPermille: number;
  readonly duplicatePermille: number;
  /** Chance of being held up by as much as `lateSpreadUs`, so that later messages overtake. */
  readonly latePermille: number;
  readonly lateSpreadUs: number;
}

/** A network without faults. */
export const PERFECT_LINKS: LinkQuality = {
  delayMinUs: 200,
  delaySpreadUs: 300,
  lossPermille: 0,
  duplicatePermille: 0,
  latePermille: 0,
  lateSpreadUs: 1,
};

export interface NetworkDeps {
  readonly scheduler: Scheduler;
  readonly prng: Prng;
  /** A message arrives, possibly not for the first time. */
  readonly deliver: (message: Message) => void;
  /** The sender notices that a message did not arrive. */
  readonly lost: (message: Message) => void;
}

/** Between all members: delays, losses, repeats, overtaking, and cuts of single directions. */
export class Network {
  readonly #deps: NetworkDeps;
  /** Directions that nothing passes. */
  readonly #cuts = new Set<string>();
  quality: LinkQuality = PERFECT_LINKS;

  constructor(deps: NetworkDeps) {
    this.#deps = deps;
  }

  /** Nothing gets from `from` to `to` any more. */
  cut(from: bigint, to: bigint): void {
    this.#cuts.add(`${from}>${to}`);
  }

  mend(from: bigint, to: bigint): void {
    this.#cuts.delete(`${from}>${to}`);
  }

  mendAll(): void {
    this.#cuts.clear();
  }

  isCut(from: bigint, to: bigint): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(`${from}>${to}`);
  }

  /** Sends a message; `extraDelayUs` for what is large. */
  send(message: Message, extraDelayUs = 0): void {
    const { prng, scheduler } = this.#deps;
    const { lossPermille, duplicatePermille } = this.quality;
    if (prng.below(1000) < lossPermille) {
      if (message.type === MessageType.Snap || prng.below(3) === 0) {
        scheduler.after(this.#delayUs() * 2, () => this.#deps.lost(message));
      }
      return;
    }
    this.#carry(message, extraDelayUs);
    if (prng.below(1000) < duplicatePermille) this.#carry(message, extraDelayUs);
  }

  #carry(message: Message, extraDelayUs: number): void {
    this.#deps.scheduler.after(this.#delayUs() + extraDelayUs, () => {
      if (this.isCut(message.from, message.to)) this.#deps.lost(message);
      else this.#deps.deliver(message);
    });
  }

  #delayUs(): number {
    const { prng } = this.#deps;
    const { delayMinUs, delaySpreadUs, latePermille, lateSpreadUs } = this.quality;
    const late = prng.below(1000) < latePermille ? prng.below(lateSpreadUs) : 0;
    return delayMinUs + prng.below(delaySpreadUs) + late;
  }
}
