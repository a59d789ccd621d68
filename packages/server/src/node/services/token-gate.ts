import { copyBytes } from "@quorate/base";
import type { Metadata, Method, Services, StreamCall, StreamHandler, UnaryHandler } from "@quorate/grpc";
import type { Authenticator } from "../auth/authenticator.ts";
import type { Access } from "./access.ts";
import { beginStream } from "./stream-beginning.ts";

/** What a name and a value cost besides their letters; the figure of RFC 7541, section 4.1. */
const FIELD_BYTES = 32;

/**
 * Holds calls back whose token this member has still to hear of, because another member has only just given it out. gRPC API page,
 * section 11.2.
 */
export class TokenGate {
  readonly #access: Access;
  readonly #authenticator: Authenticator;

  constructor(access: Access, authenticator: Authenticator) {
    this.#access = access;
    this.#authenticator = authenticator;
  }

  /** The services with the gate before each method. */
  guard(services: Services): Services {
    return Object.fromEntries(
      Object.entries(services).map(([service, methods]) => [
        service,
        Object.fromEntries(Object.entries(methods).map(([name, method]) => [name, this.#guarded(method)])),
      ]),
    );
  }

  #guarded(method: Method): Method {
    if (method.kind === "unary") return { kind: "unary", handler: this.#unary(method.handler) };
    if (method.kind === "serverStream") return { kind: method.kind, handler: this.#serverStream(method.handler) };
    return { kind: method.kind, handler: this.#stream(method.handler) };
  }

  #unary(handler: UnaryHandler): UnaryHandler {
    const access = this.#access;
    return (call, message) => {
      const index = access.isEnabled ? this.#authenticator.awaitedIndex(call) : undefined;
      if (index === undefined) {
        handler(call, message);
        return;
      }
      const kept = copyBytes(message);
      const bytes = kept.length + sizeOf(call.metadata);
      this.#authenticator.whenApplied(index, bytes, () => handler(call, kept));
    };
  }

  /** Its one request comes together with the call: what is held back is the handler. */
  #serverStream(handler: StreamHandler): StreamHandler {
    return (call) => {
      const index = this.#access.isEnabled ? this.#authenticator.awaitedIndex(call) : undefined;
      if (index === undefined) handler(call);
      else this.#holdHandlerBack(call, index, handler);
    };
  }

  #holdHandlerBack(call: StreamCall, index: number, handler: StreamHandler): void {
    const onMessage = (message: Uint8Array): void => {
      const kept = copyBytes(message);
      this.#authenticator.whenApplied(index, kept.length + sizeOf(call.metadata), () => {
        if (!call.ended && call.onMessage === onMessage) beginStream(handler, call, kept);
      });
    };
    call.onMessage = onMessage;
  }

  #stream(handler: StreamHandler): StreamHandler {
    return (call) => {
      handler(call);
      const index = this.#access.isEnabled && !call.ended ? this.#authenticator.awaitedIndex(call) : undefined;
      if (index !== undefined) this.#holdBack(call, index);
    };
  }

  /** The stream is known by its callback: its object may be another's by then. */
  #holdBack(call: StreamCall, index: number): void {
    const { onMessage } = call;
    call.pause(true);
    // The transport counts the messages that it holds back.
    this.#authenticator.whenApplied(index, sizeOf(call.metadata), () => {
      if (!call.ended && call.onMessage === onMessage) call.pause(false);
    });
  }
}

/** Bytes that the metadata of a call takes while it waits. */
function sizeOf(metadata: Metadata): number {
  let bytes = 0;
  for (const [name, value] of metadata.entries()) bytes += name.length + value.length + FIELD_BYTES;
  return bytes;
}
