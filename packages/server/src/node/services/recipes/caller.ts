import type { Call, Metadata, PeerInfo } from "@quorate/grpc";

/** Insisting on a leader is settled when the call comes in; what is asked on its behalf later waits for one. */
const SETTLED_METADATA: ReadonlySet<string> = new Set(["hasleader"]);

/** Metadata taken out of a call, which is over before what it asked for may be. */
class KeptMetadata implements Metadata {
  readonly #pairs: readonly (readonly [string, string])[];

  constructor(metadata: Metadata) {
    this.#pairs = [...metadata.entries()].filter(([name]) => !SETTLED_METADATA.has(name));
  }

  get(name: string): string | undefined {
    return this.getAll(name)[0];
  }

  getAll(name: string): readonly string[] {
    return this.#pairs.filter(([each]) => each === name).map(([, value]) => value);
  }

  entries(): IterableIterator<readonly [string, string]> {
    return this.#pairs.values();
  }
}

/**
 * The client behind a call: who it is, for whatever is done on its behalf, and whether it still waits. Kept apart from the call,
 * whose object may be another's as soon as it is over.
 */
export class Caller {
  readonly metadata: Metadata;
  readonly peer: PeerInfo;
  #isGone = false;
  readonly #leaving = new Set<() => void>();

  /** Takes the call's `onCancel`. */
  constructor(call: Call) {
    this.metadata = new KeptMetadata(call.metadata);
    this.peer = call.peer;
    call.onCancel = () => this.leave();
  }

  /** Nobody waits for an answer any more. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** Runs a callback when the caller goes away, at once if it has; the result forgets it. */
  onGone(run: () => void): () => void {
    if (this.#isGone) run();
    else this.#leaving.add(run);
    return () => this.#leaving.delete(run);
  }

  leave(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    for (const run of this.#leaving) run();
    this.#leaving.clear();
  }
}
