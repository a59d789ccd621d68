import type { IncomingMessage, ServerResponse } from "node:http";
import { type GrpcObserver, type Services, Status } from "@quorate/grpc";
import { GATEWAY_METHODS, type MethodDescriptor } from "@quorate/protocol";
import type { WebSocket } from "ws";
import type { Body } from "./body.ts";
import { httpStatusOf, statusJson } from "./gateway-errors.ts";
import { type GatewayLimits, JSON_BYTES_PER_MESSAGE_BYTE } from "./gateway-limits.ts";
import { GatewayMetadata, timeoutMsOf } from "./gateway-metadata.ts";
import { type GatewayExchange, GatewayRequest, type GatewayShared } from "./gateway-request.ts";
import { HttpBody } from "./http-body.ts";
import { HttpReply } from "./http-reply.ts";
import { OpenRequests } from "./open-requests.ts";
import type { Reply } from "./reply.ts";
import { WebSocketBody } from "./web-socket-body.ts";
import { webSocketHeaders } from "./web-socket-headers.ts";
import { WebSocketReply } from "./web-socket-reply.ts";

export interface GatewayOptions {
  /** What gRPC serves, with everything that stands before it. */
  readonly services: Services;
  /** Told of calls as of those over gRPC: in etcd the gateway is a client of its own member. */
  readonly observer: GrpcObserver;
  readonly limits: GatewayLimits;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
}

const FORM = "application/x-www-form-urlencoded";

/**
 * The API as JSON over HTTP: what grpc-gateway v2 does in etcd 3.7, without a connection in between. Handlers are called as gRPC calls
 * them. gRPC API page, section 14; errors page, section 6.
 */
export class Gateway {
  readonly #services: Services;
  readonly #shared: GatewayShared;

  constructor({ limits, nowMs, observer, services }: GatewayOptions) {
    this.#services = services;
    this.#shared = { limits, nowMs, observer, held: { bytes: 0 }, open: new OpenRequests() };
  }

  /** Requests under way. */
  get openCalls(): number {
    return this.#shared.open.size;
  }

  /** Longest JSON value that is read. */
  get jsonBytesMax(): number {
    return this.#shared.limits.messageBytesMax * JSON_BYTES_PER_MESSAGE_BYTE;
  }

  /** Serves a request under `/v3/`. */
  serve(path: string, request: IncomingMessage, response: ServerResponse): void {
    const { remoteAddress = "", remotePort = 0 } = request.socket;
    this.#serve({
      path,
      verb: methodOf(request),
      timeout: request.headers["grpc-timeout"],
      metadata: new GatewayMetadata(request.rawHeaders, remoteAddress),
      remoteAddress,
      remotePort,
      body: new HttpBody(request),
      reply: new HttpReply(response, this.#shared.limits.stallTimeoutMs),
    });
  }

  /** The same by WebSocket: a message is a JSON value of the request or a line of the answer. */
  serveWebSocket(path: string, request: IncomingMessage, socket: WebSocket): void {
    const { remoteAddress = "", remotePort = 0 } = request.socket;
    const isOne = GATEWAY_METHODS.get(path)?.kind !== "bidi";
    this.#serve({
      path,
      verb: "POST",
      timeout: undefined,
      metadata: new GatewayMetadata(webSocketHeaders(request.headers), ""),
      remoteAddress,
      remotePort,
      body: new WebSocketBody(socket, isOne),
      reply: new WebSocketReply(socket, this.#shared.limits.stallTimeoutMs),
    });
  }

  #serve(incoming: Incoming): void {
    const { body, remoteAddress, reply, timeout } = incoming;
    const { limits, open } = this.#shared;
    const method = GATEWAY_METHODS.get(incoming.path);
    const timeoutMs = timeoutMsOf(timeout);
    if (method === undefined) refuse(reply, body, Status.NOT_FOUND, "Not Found");
    else if (incoming.verb !== "POST") refuse(reply, body, Status.UNIMPLEMENTED, "Method Not Allowed");
    else if (open.size >= limits.openCallsMax) {
      refuse(reply, body, Status.UNAVAILABLE, "the JSON gateway serves as many requests as it may");
    } else if (open.of(remoteAddress) >= limits.openCallsPerClientMax) {
      refuse(reply, body, Status.UNAVAILABLE, "the JSON gateway serves as many requests of this client as it may");
    } else if (Number.isNaN(timeoutMs)) {
      refuse(reply, body, Status.INVALID_ARGUMENT, `invalid grpc-timeout: ${String(timeout)}`);
    } else new GatewayRequest(this.#exchange(incoming, method, timeoutMs), this.#shared).begin();
  }

  #exchange(incoming: Incoming, method: MethodDescriptor, timeoutMs: number): GatewayExchange {
    const { body, metadata, remoteAddress, remotePort, reply } = incoming;
    const service = this.#services[method.service];
    return {
      head: {
        method,
        metadata,
        // Certificates do not count: in etcd the gateway's own would be seen, and the name in it is not looked at.
        peer: { remoteAddress, remotePort, certificate: undefined, certificateCommonName: undefined },
        deadlineMs: timeoutMs === 0 ? undefined : this.#shared.nowMs() + timeoutMs,
      },
      handler: service?.[method.method],
      missing:
        service === undefined
          ? `unknown service ${method.service}`
          : `unknown method ${method.method} for service ${method.service}`,
      body,
      reply,
    };
  }

  /** Ends every stream, which would otherwise go on for ever; requests with one answer are let finish. */
  endStreams(): void {
    for (const { call } of this.#shared.open) {
      if (call.isStream) call.abort(Status.UNAVAILABLE, "the server is shutting down");
    }
  }
}

/** A request, however it came. */
interface Incoming {
  readonly path: string;
  /** The method of HTTP. */
  readonly verb: string;
  /** `Grpc-Timeout`. */
  readonly timeout: string | readonly string[] | undefined;
  readonly metadata: GatewayMetadata;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly body: Body;
  readonly reply: Reply;
}

/** Answers a request for which there is no call. */
function refuse(reply: Reply, body: Body, code: number, message: string): void {
  reply.start(httpStatusOf(code), [["Content-Type", "application/json"]]);
  reply.end(statusJson(code, message));
  body.discard();
}

/** Forms may say that they stand for another method. */
function methodOf({ headers, method }: IncomingMessage): string {
  const override = headers["x-http-method-override"];
  if (method !== "POST" || override === undefined || headers["content-type"] !== FORM) return method ?? "";
  return String(override).toUpperCase();
}
