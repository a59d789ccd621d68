import type { KeySelection } from "../key-range.ts";
import type { Transport } from "../transport.ts";
import { WatchHub } from "./watch-hub.ts";
import type { WatchOptions } from "./watch-task.ts";
import { Watcher } from "./watcher.ts";

/** The watches of a client: all on one stream, or two, since a stream as a whole requires a leader or does not. */
export class Watches {
  readonly #withLeader: WatchHub;
  readonly #withoutLeader: WatchHub;

  constructor(transport: Transport) {
    this.#withLeader = new WatchHub(transport, true);
    this.#withoutLeader = new WatchHub(transport, false);
  }

  /** Begins a watch. */
  begin(keys: KeySelection, options: WatchOptions): Watcher {
    return new Watcher(options.requireLeader === false ? this.#withoutLeader : this.#withLeader, keys, options);
  }

  /** Ends all of them. */
  close(): void {
    this.#withLeader.close();
    this.#withoutLeader.close();
  }
}
