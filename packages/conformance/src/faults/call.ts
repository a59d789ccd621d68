import type { Operation } from "./operation.ts";

/** One request of a load client as it was sent and answered, more than the linearizability checker needs. */
export interface Call extends Operation {
  /** Index of the member that was asked. */
  readonly member: number;
  readonly serializable: boolean;
  /** Keys written with the same value in the same transaction, beside `key`. */
  readonly also: readonly string[];
  /** When the answer or the error came. */
  readonly ended: number;
  /** Revision of the answer's header; undefined without an answer. */
  readonly revision: number | undefined;
  /** gRPC code and text of an error; undefined with an answer. */
  readonly failure: CallFailure | undefined;
}

export interface CallFailure {
  readonly code: number;
  readonly message: string;
}

/** True for calls that may have changed the key. */
export function mayWrite(call: Call): boolean {
  return call.input.kind !== "get";
}

/** True for an answered call that did change something, so that its revision is its own. */
export function didWrite(call: Call): boolean {
  const { output } = call;
  if (output === undefined) return false;
  if (output.kind === "put") return true;
  return (output.kind === "delete" && output.deleted) || (output.kind === "cas" && output.succeeded);
}

/** The value that names this write in a history; undefined for reads and deletes. */
export function valueOf(call: Call): string | undefined {
  return call.input.kind === "put" || call.input.kind === "cas" ? call.input.value : undefined;
}
