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
const LEARNER_METHODS: ReadonlySet<string> = new Set(["etcdserverpb.Maintenance/Status", "etcdserverpb.KV/Range"]);
const RANGE = "etcdserverpb.KV/Range";

/**
 * What holds for every method before it is looked at: a member that is restoring a snapshot answers when it is done, a learner
 * answers little, and a client may insist on a leader. gRPC API page, section 2; errors page.
 */
export class Gate {
  readonly #port: GatePort;
  /** Open streams whose clients insist on a leader. */
  readonly #streams = new Set<StreamCall>();

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
    for (const call of this.#streams) {
      // The handler learns that its stream is over in the way in which it learns that the client has gone.
      const onCancel = call.onCancel;
      failWith(call, "noLeader");
      onCancel?.();
    }
    this.#streams.clear();
  }

  #guarded(path: string, method: Method): Method {
    if (method.kind === "unary") return { kind: "unary", handler: this.#unary(path, method.handler) };
    // Streams of the server alone end by themselves soon.
    return { kind: method.kind, handler: this.#stream(method.handler, method.kind === "bidi") };
  }

  #unary(path: string, handler: UnaryHandler): UnaryHandler {
    const port = this.#port;
    return (call, message) => {
      if (port.isLearner() && !isForLearners(path, message)) failWith(call, "notSupportedForLearner");
      else if (!port.hasLeader() && insists(call)) failWith(call, "noLeader");
      else if (port.isServing()) handler(call, message);
      else {
        const kept = copyBytes(message);
        port.whenServing(() => handler(call, kept));
      }
    };
  }

  #stream(handler: StreamHandler, isLasting: boolean): StreamHandler {
    const port = this.#port;
    return (call) => {
      if (port.isLearner()) {
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
    this.#streams.add(call);
    const { onCancel, onHalfClose } = call;
    call.onCancel = () => {
      this.#streams.delete(call);
      onCancel?.();
    };
    if (onHalfClose === undefined) return;
    call.onHalfClose = () => {
      onHalfClose();
      if (call.ended) this.#streams.delete(call);
    };
  }
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
