import type { Metadata, ServiceError } from "@grpc/grpc-js";
import { onAbort } from "./abort-listener.ts";
import type { Endpoint } from "./endpoint.ts";
import { abortedError, closedError, errorFromStatus } from "./etcd-error.ts";
import { responseDecoder, type UnaryMethod } from "./method.ts";
import type { TimeLimit } from "./time-limit.ts";

/** One try of a call. */
export interface UnaryCall<Response> {
  readonly endpoint: Endpoint;
  readonly method: UnaryMethod<never, Response> | UnaryMethod<unknown, Response>;
  /** The encoded request. */
  readonly bytes: Buffer;
  readonly metadata: Metadata;
  readonly limit: TimeLimit;
}

/** Sends a request to one endpoint, once. Rejects with an EtcdError for every status that is not OK. */
export function callOnce<Response>(call: UnaryCall<Response>): Promise<Response> {
  const { endpoint, method, limit } = call;
  return new Promise((resolve, reject) => {
    const answer = (error: ServiceError | null, response?: Response): void => {
      stopListening();
      endpoint.calls.delete(started);
      if (error === null) resolve(response as Response);
      else if (endpoint.isClosed) reject(closedError("client", true));
      else if (limit.signal?.aborted === true) reject(abortedError(limit.signal, true));
      else reject(errorFromStatus(error.code, error.details, endpoint.text));
    };
    const decode = responseDecoder(method.response);
    const options = { deadline: limit.atMs };
    const started = endpoint.client.makeUnaryRequest(
      method.path,
      same,
      decode,
      call.bytes,
      call.metadata,
      options,
      answer,
    );
    endpoint.calls.add(started);
    const stopListening = onAbort(limit.signal, () => started.cancel());
  });
}

const same = (bytes: Buffer): Buffer => bytes;
