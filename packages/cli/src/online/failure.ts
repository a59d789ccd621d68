import type { EtcdError } from "@quorate/client";
import { ERRORS, grpcCodeName } from "@quorate/protocol";
import { CommandError, messageOf } from "../frame/command-error.ts";
import { ExitCode } from "../frame/exit-code.ts";

/** What Go programs say when a call's time is over. */
const DEADLINE_EXCEEDED = "context deadline exceeded";

/** Errors of etcd that its Go client does not know by their text and so prints as plain gRPC errors. Errors page, section 4. */
const PRINTED_AS_GRPC: ReadonlySet<string> = new Set([
  "etcdserver: permission not given",
  "etcdserver: request timed out, waiting for the applied index took too long",
  "etcdserver: request canceled",
  "etcdserver: context deadline exceeded",
  "etcdserver: watch canceled",
  "etcdserver: invalid client api version",
]);
const KNOWN_TEXTS: ReadonlySet<string> = new Set(Object.values(ERRORS).map(({ message }) => message));

/** True for errors of calls; told by their fields, since tests run in another realm. */
export function isCallError(error: unknown): error is EtcdError {
  const fields = error as { code?: unknown; grpcCode?: unknown } | undefined;
  return typeof fields?.code === "string" && typeof fields.grpcCode === "number";
}

/** What etcdctl prints for an error of a call: etcd's own errors by their text alone, others as gRPC errors. */
export function failureText(error: unknown): string {
  if (!isCallError(error)) return messageOf(error);
  if (error.code === "unreachable" || error.code === "deadlineExceeded") return DEADLINE_EXCEEDED;
  if (KNOWN_TEXTS.has(error.message) && !PRINTED_AS_GRPC.has(error.message)) return error.message;
  return `rpc error: code = ${grpcCodeName(error.grpcCode)} desc = ${error.message}`;
}

/** Why no server could be reached, beside the line that etcdctl has for it; undefined for other errors. */
export function unreachableDetail(error: unknown): string | undefined {
  if (!isCallError(error)) return undefined;
  if (error.code === "unreachable") return inOneLine(error.message);
  // The time of the call was over first; the client says as the cause what it waited for.
  return error.code === "deadlineExceeded" && error.cause !== undefined ? inOneLine(messageOf(error.cause)) : undefined;
}

/** OpenSSL's `…:error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:../deps/…:SSL alert number 116`. */
const OPENSSL = /[0-9A-F]+:error:[0-9A-F]+:SSL routines:[^:]*:(?:(?:ssl|tls)v\d+ )?([^:]+):[^:]*:\d+:[^\n]*\n?/g;
const MOMENT = / \(\d{4}-\d\d-\d\dT[0-9:.]+Z\)/g;

function inOneLine(text: string): string {
  return text
    .replace(OPENSSL, "TLS $1")
    .replace(MOMENT, "")
    .replaceAll(/\s*\n\s*/g, " ")
    .trim();
}

/** The error that ends a command, for whatever its calls threw; `exitCode` is for errors that have none of their own. */
export function commandFailure(error: unknown, exitCode: number = ExitCode.error): CommandError {
  if (!isCallError(error)) {
    const own = (error as { exitCode?: unknown } | undefined)?.exitCode;
    return typeof own === "number"
      ? (error as CommandError)
      : new CommandError(exitCode, messageOf(error), { cause: error });
  }
  // A client that cannot log in was never made, says etcdctl. CLI page, A1.1.
  const code = error.code === "authFailed" ? ExitCode.badConnection : exitCode;
  return new CommandError(code, failureText(error), { cause: error });
}
