/** Lines of one message and level written in a second before sampling starts, and the stride after that. etcd's figures. */
export const SAMPLE_FIRST = 100;
export const SAMPLE_THEREAFTER = 100;

/** Most messages counted at once; messages are constants of ours, so this is a backstop. */
const MESSAGES_MAX = 4096;

/**
 * Keeps a peer or client from filling the log by provoking one line over and over: of each message and level, the first 100
 * in a second are written, then every hundredth. Source: zap's sampler, which etcd configures so.
 */
export class LogSampler {
  #counts = new Map<string, number>();
  #second = 0;

  admits(level: string, message: string, wallMs: number): boolean {
    const second = Math.floor(wallMs / 1000);
    if (second !== this.#second || this.#counts.size >= MESSAGES_MAX) {
      this.#second = second;
      this.#counts = new Map();
    }
    const key = level + message;
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    return count <= SAMPLE_FIRST || (count - SAMPLE_FIRST) % SAMPLE_THEREAFTER === 0;
  }
}
