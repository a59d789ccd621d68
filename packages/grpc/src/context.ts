import type { Connection } from "./http2/connection.ts";
import type { DeadlineWheel } from "./http2/deadlines.ts";
import type { Stream } from "./http2/stream.ts";
import type { StreamPool } from "./http2/stream-pool.ts";
import type { MethodTable } from "./methods.ts";
import type { GrpcLimits, GrpcObserver } from "./types.ts";

/** What all connections of one server share. */
export interface ServerContext {
  readonly limits: GrpcLimits;
  readonly methods: MethodTable;
  readonly observer: GrpcObserver;
  readonly pool: StreamPool;
  readonly wheel: DeadlineWheel;
  /** Bytes of unfinished requests on all connections. */
  readonly unfinished: { bytes: number };
  /** Response bytes that wait for flow control on all connections. */
  readonly buffered: { bytes: number };
  /** Takes requests that are not gRPC; undefined when there is no HTTP server for them. */
  readonly acceptHttp: ((stream: Stream) => void) | undefined;
  nowMs(): number;
  /** Puts a stream on the wheel and keeps the wheel turning. */
  setTimer(stream: Stream, atMs: number): void;
  onConnectionClosed(connection: Connection): void;
}
