import type { ErrorCode } from "@quorate/protocol";
import type { ApplyResult, Pending } from "../core/index.ts";

/** A request of the server's own: what becomes of it goes to a callback, once. */
export class OwnRequest implements Pending {
  readonly #done: (result: ApplyResult | ErrorCode) => void;

  constructor(done: (result: ApplyResult | ErrorCode) => void) {
    this.#done = done;
  }

  applied(result: ApplyResult): void {
    this.#done(result);
  }

  failed(code: ErrorCode): void {
    this.#done(code);
  }
}
