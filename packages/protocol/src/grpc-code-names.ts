const UNKNOWN = 2;

/**
 * Names of gRPC's status codes by number, as Go prints them: in errors of etcd's tools, in reasons such as
 * `rpc error: code = NotFound desc = …`, and as labels of metrics.
 */
export const GRPC_CODE_NAMES: readonly string[] = [
  "OK",
  "Canceled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
];

/** `Unavailable` for 14; `Code(17)` for a number that gRPC does not define, as Go prints it. */
export function grpcCodeName(code: number): string {
  return GRPC_CODE_NAMES[code] ?? `Code(${code})`;
}

/** 14 for `Unavailable`; 2, which is `Unknown`, for a name that gRPC does not define. */
export function grpcCodeNamed(name: string): number {
  const code = GRPC_CODE_NAMES.indexOf(name);
  return code === -1 ? UNKNOWN : code;
}
