import type { RequestHead } from "../request-heads.ts";
import { Stream, type StreamHost } from "./stream.ts";

/** Spare streams kept: as many as a burst uses, not as many as a flood. */
const SPARES_MAX = 4096;

/** Stream objects to be used again. */
export class StreamPool {
  readonly #spares: Stream[] = [];

  take(host: StreamHost, head: RequestHead): Stream {
    return this.#spares.pop() ?? new Stream(host, head);
  }

  /**
   * Takes back streams that ended in an earlier turn: until then their objects stay dead, so that a handler which answers
   * twice in one go harms nobody. One that was cancelled, or that some list still knows, is left to the collector.
   */
  giveBack(retired: Stream[]): void {
    for (const stream of retired) {
      if (stream.cancelled || stream.inRing || stream.waitsForDrain || stream.starved) continue;
      if (this.#spares.length >= SPARES_MAX) break;
      stream.reset();
      this.#spares.push(stream);
    }
    retired.length = 0;
  }
}
