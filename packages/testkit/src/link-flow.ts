import type { Socket } from "node:net";

/**
 * What becomes of the bytes from one member to another. `held`: they wait, as on a network that loses every packet and
 * sends it again later. `cut`: connections are closed and new ones refused.
 */
export type LinkState = "open" | "held" | "cut";

/** One direction between two members. */
export class Link {
  state: LinkState = "open";
  delayMs = 0;
  readonly flows: Set<LinkFlow> = new Set();

  set(state: LinkState, delayMs: number): void {
    this.state = state;
    this.delayMs = delayMs;
    for (const flow of this.flows) flow.update();
  }
}

/** The bytes of one connection in one direction, subject to the state of its link. */
export class LinkFlow {
  readonly #link: Link;
  readonly #source: Socket;
  readonly #sink: Socket;
  #sourceClosed = false;
  /** Pieces on their way under a delay, so that the end does not overtake them. */
  #delayed = 0;

  constructor(link: Link, source: Socket, sink: Socket) {
    this.#link = link;
    this.#source = source;
    this.#sink = sink;
    link.flows.add(this);
    source.on("data", (bytes: Buffer) => this.#take(bytes));
    source.on("end", () => this.#finish());
    source.on("close", () => {
      this.#sourceClosed = true;
      this.#finish();
    });
    sink.on("drain", () => this.update());
    sink.on("close", () => this.#link.flows.delete(this));
    this.update();
  }

  /** Acts on a changed link. */
  update(): void {
    switch (this.#link.state) {
      case "cut":
        this.#source.destroy();
        this.#sink.destroy();
        return;
      case "held":
        this.#source.pause();
        return;
      case "open":
        if (!this.#sink.writableNeedDrain) this.#source.resume();
        if (this.#sourceClosed) this.#finish();
    }
  }

  #take(bytes: Buffer): void {
    if (this.#link.delayMs === 0 && this.#delayed === 0) {
      this.#pass(bytes);
      return;
    }
    this.#delayed += 1;
    setTimeout(() => {
      this.#delayed -= 1;
      this.#pass(bytes);
      if (this.#delayed === 0 && this.#sourceClosed) this.#finish();
    }, this.#link.delayMs);
  }

  #pass(bytes: Buffer): void {
    if (this.#sink.destroyed) return;
    if (!this.#sink.write(bytes)) this.#source.pause();
  }

  /** The end of a connection travels like its bytes: under a held link the other side does not learn of it. */
  #finish(): void {
    if (this.#link.state === "held" || this.#delayed > 0) return;
    this.#link.flows.delete(this);
    this.#sink.destroySoon();
  }
}
