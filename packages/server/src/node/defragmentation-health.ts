import { type Health, ServingStatus } from "@quorate/grpc";

type Run = (done: (error?: Error) => void) => void;

/**
 * The feature StopGRPCServiceOnDefrag: health checks say NOT_SERVING while a client has the member defragmented, so that others are sent
 * elsewhere. In etcd requests wait meanwhile; here they do not, and are only slower. Server configuration page, section 3.
 */
export class DefragmentationHealth {
  readonly #health: Pick<Health, "setStatus" | "shutdown">;
  readonly #isInUse: boolean;
  #running = 0;
  #isStopping = false;

  constructor(health: Pick<Health, "setStatus" | "shutdown">, isInUse: boolean) {
    this.#health = health;
    this.#isInUse = isInUse;
  }

  /** `run`, with the member's health shown as it should be. */
  around(run: Run): Run {
    if (!this.#isInUse) return run;
    return (done) => {
      this.#running++;
      this.#show();
      run((error) => {
        this.#running--;
        this.#show();
        done(error);
      });
    };
  }

  /** The member is about to stop: it does not serve any more, whatever ends. */
  stop(): void {
    this.#isStopping = true;
    this.#health.shutdown();
  }

  #show(): void {
    if (this.#isStopping) return;
    this.#health.setStatus("", this.#running > 0 ? ServingStatus.NOT_SERVING : ServingStatus.SERVING);
  }
}
