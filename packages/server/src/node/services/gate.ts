import { copyBytes } from "@quorate/base";
import type { Call, Method, Services, StreamCall, StreamHandler, UnaryHandler } from "@quorate/grpc";
import { decodeRangeRequest } from "@quorate/protocol";
import { failWith } from "./reply.ts";

/** What decides whether a request is let in. */
export interface GatePort {
  /** Whether this member knows a leader. */
  readonly hasLeader: () => boolean;
  readonly isLearner: () => boolean;
  /** Runs a callback, at once unless the state machine is being replaced: then as soon as that is over. */
  readonly whenServing: (run: () => void) => void;
  readonly isServing: () => boolean;
}

/** Metadata by which a client says that it would rather have no answer than one of a member without a leader. */
const REQUIRE_LEADER = "hasleader";
const RANGE = "etcdserverpb.KV/Range";
/** Looks at no key: whoever wants to know how a member fares need not wait until it is restored. */
const STATUS = "etcdserverpb.Maintenance/Status";
/** The one stream of the server alone that does not end by itself soon. */
const OBSERVE = "v3electionpb.Election/Observe";
const SNAPSHOT = "etcdserverpb.Maintenance/Snapshot";
const LEARNER_METHODS: ReadonlySet<string> = new Set([STATUS, RANGE, SNAPSHOT]);
/** Streams that have ended are looked for when so many are known. */
const SWEEP_SIZE_MIN = 64;

/**
 * What holds for every method before it is looked at: a member that is restoring a snapshot answers when it is done, a learner
 * answers little, and a client may insist on a leader. gRPC API page, section 2; errors page.
 */
export class Gate {
  readonly #port: GatePort;
  /**
   * Streams whose clients insist on a leader, each with the callback that it got here: a stream that ended by itself says so to
   * nobody, and its object, used again, is known by having another callback.
   */
  readonly #streams = new Map<StreamCall, () => void>();
  #sweepSize = SWEEP_SIZE_MIN;

  constructor(port: GatePort) {
    this.#port = port;
  }

  /** The services with the gate before each method. */
  guard(services: Services): Services {
    return Object.fromEntries(
      Object.entries(services).map(([service, methods]) => [
        service,
        Object.fromEntries(
          Object.entries(methods).map(([name, method]) => [name, this.#guarded(`${service}/${name}`, method)]),
        ),
      ]),
    );
  }

  /** There has been no leader for too long: ends the streams whose clients insist on one. */
  leaderLost(): void {
    const streams = [...this.#streams];
    this.#streams.clear();
    for (const [call, onCancel] of streams) {
      if (!isOpen(call, onCancel)) continue;
      failWith(call, "noLeader");
      // The handler learns that its stream is over in the way in which it learns that the client has gone.
      onCancel();
    }
  }

  /** Streams known here, among them some that have ended: at most as many again as are open, and a few. */
  get watchedCount(): number {
    return this.#streams.size;
  }

  #guarded(path: string, method: Method): Method {
    if (method.kind === "unary") return { kind: "unary", handler: this.#unary(path, method.handler) };
    return {
      kind: method.kind,
      handler: this.#stream(path, method.handler, method.kind === "bidi" || path === OBSERVE),
    };
  }

  #unary(path: string, handler: UnaryHandler): UnaryHandler {
    const port = this.#port;
    return (call, message) => {
      if (port.isLearner() && !isForLearners(path, message)) failWith(call, "notSupportedForLearner");
      else if (!port.hasLeader() && insists(call)) failWith(call, "noLeader");
      else if (port.isServing() || path === STATUS) handler(call, message);
      else {
        const kept = copyBytes(message);
        port.whenServing(() => handler(call, kept));
      }
    };
  }

  #stream(path: string, handler: StreamHandler, isLasting: boolean): StreamHandler {
    const port = this.#port;
    return (call) => {
      if (port.isLearner() && !LEARNER_METHODS.has(path)) {
        failWith(call, "notSupportedForLearner");
        return;
      }
      const isInsisting = insists(call);
      if (isInsisting && !port.hasLeader()) {
        failWith(call, "noLeader");
        return;
      }
      handler(call);
      if (isInsisting && isLasting) this.#watch(call);
    };
  }

  #watch(call: StreamCall): void {
    if (call.ended) return;
    const { onCancel } = call;
    const told = (): void => {
      this.#streams.delete(call);
      onCancel?.();
    };
    call.onCancel = told;
    this.#streams.set(call, told);
    if (this.#streams.size < this.#sweepSize) return;
    for (const [each, callback] of this.#streams) if (!isOpen(each, callback)) this.#streams.delete(each);
    this.#sweepSize = Math.max(SWEEP_SIZE_MIN, 2 * this.#streams.size);
  }
}

/** Whether a stream is still the one that was given this callback, and open. */
function isOpen(call: StreamCall, onCancel: () => void): boolean {
  return !call.ended && call.onCancel === onCancel;
}

function insists(call: Call): boolean {
  return call.metadata.get(REQUIRE_LEADER) === "true";
}

function isForLearners(path: string, message: Uint8Array): boolean {
  if (path !== RANGE) return LEARNER_METHODS.has(path);
  try {
    return decodeRangeRequest(message).serializable;
  } catch {
    // The handler has the words for what cannot be decoded.
    return true;
  }
}
