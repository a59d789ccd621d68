import type { MessageDescriptor } from "@quorate/protocol";

interface Method<Request, Response> {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly request: MessageDescriptor<Request>;
  readonly response: MessageDescriptor<Response>;
}

/** A method with one request and one response. */
export interface UnaryMethod<Request, Response> extends Method<Request, Response> {
  readonly kind: "unary";
  /**
   * True if trying again does no harm when the first try may have been carried out; such a call is tried again on every
   * `UNAVAILABLE`. Source: reference of etcd's errors, section 4, safe-retry rule.
   */
  readonly repeatable: boolean;
}

/** A method with one request and a stream of responses. */
export interface ServerStreamMethod<Request, Response> extends Method<Request, Response> {
  readonly kind: "serverStream";
}

/** A method with a stream of requests and a stream of responses. */
export interface BidiMethod<Request, Response> extends Method<Request, Response> {
  readonly kind: "bidi";
}

export function unary<Request, Response>(
  path: string,
  request: MessageDescriptor<Request>,
  response: MessageDescriptor<Response>,
  repeatable?: "repeatable",
): UnaryMethod<Request, Response> {
  return { kind: "unary", path, request, response, repeatable: repeatable !== undefined };
}

export function serverStream<Request, Response>(
  path: string,
  request: MessageDescriptor<Request>,
  response: MessageDescriptor<Response>,
): ServerStreamMethod<Request, Response> {
  return { kind: "serverStream", path, request, response };
}

export function bidi<Request, Response>(
  path: string,
  request: MessageDescriptor<Request>,
  response: MessageDescriptor<Response>,
): BidiMethod<Request, Response> {
  return { kind: "bidi", path, request, response };
}

/** The encoded message. `message` may leave fields at their defaults. */
export function encodeRequest<Request>(descriptor: MessageDescriptor<Request>, message: Partial<Request>): Buffer {
  const bytes = descriptor.encode(descriptor.create(message));
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The decoder that grpc-js wants. Byte fields of the message share the memory of the response. */
export function responseDecoder<Response>(descriptor: MessageDescriptor<Response>): (bytes: Buffer) => Response {
  return (bytes) => descriptor.decode(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}
