export { handshakeFailure } from "./handshakes.ts";
export type { Health } from "./health.ts";
export { healthServices, ServingStatus } from "./health.ts";
export { DEFAULT_LIMITS } from "./limits.ts";
export { clientAddress, PendingHandshakes } from "./pending-handshakes.ts";
export type { ListenerSecurity, ListenOptions } from "./server.ts";
export { GrpcServer } from "./server.ts";
export type { StatusCode } from "./status.ts";
export { Status } from "./status.ts";
export { endOfTurn } from "./turn.ts";
export type {
  Call,
  GrpcLimits,
  GrpcObserver,
  GrpcServerOptions,
  Metadata,
  MetadataInit,
  Method,
  PeerInfo,
  Services,
  StreamCall,
  StreamHandler,
  TlsOptions,
  UnaryCall,
  UnaryHandler,
} from "./types.ts";
