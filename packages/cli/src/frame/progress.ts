import type { Output } from "./output.ts";

const REDRAW_MS = 200;
const BAR_WIDTH = 30;
/** Where the terminal does not say. */
const COLUMNS = 80;

/** How far long work is, in one line that is written over again; nothing where nobody looks on. */
export class Progress {
  readonly #output: Output;
  readonly #describe: (done: number, total: number | undefined) => string;
  #drawnAtMs = Number.NEGATIVE_INFINITY;
  #width = 0;

  constructor(output: Output, describe: (done: number, total: number | undefined) => string) {
    this.#output = output;
    this.#describe = describe;
  }

  /** `total` is undefined while it is not known. */
  update(done: number, total: number | undefined): void {
    const now = performance.now();
    if (!this.#output.isTerminal || now - this.#drawnAtMs < REDRAW_MS) return;
    this.#drawnAtMs = now;
    this.#draw(`${bar(done, total)}${this.#describe(done, total)}`);
  }

  /** Runs work that does not tell how far it is: the line is drawn at its begin and again and again, and gone at its end. */
  async during<T>(work: Promise<T>, done: number, total: number | undefined): Promise<T> {
    this.update(done, total);
    const timer = setInterval(() => this.update(done, total), REDRAW_MS);
    try {
      return await work;
    } finally {
      clearInterval(timer);
      this.end();
    }
  }

  /** Wipes the line. */
  end(): void {
    if (this.#width === 0) return;
    this.#draw("");
    this.#output.write("\r");
    this.#drawnAtMs = Number.NEGATIVE_INFINITY;
  }

  #draw(text: string): void {
    const shown = text.slice(0, (this.#output.columns ?? COLUMNS) - 1);
    this.#output.write(`\r${shown.padEnd(this.#width)}`);
    this.#width = shown.length;
  }
}

function bar(done: number, total: number | undefined): string {
  if (total === undefined || total <= 0) return "";
  const share = Math.min(1, done / total);
  const filled = Math.round(share * BAR_WIDTH);
  return `[${"=".repeat(filled)}${" ".repeat(BAR_WIDTH - filled)}] ${String(Math.floor(share * 100)).padStart(3)}% `;
}
