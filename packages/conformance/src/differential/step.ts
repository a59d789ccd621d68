import type { Message } from "../etcd-api.ts";

/** One thing done to both servers at once. Steps are data, so that a difference can be printed and understood. */
export type Step =
  /** A unary call. `reads` marks one that changes nothing: such calls may run side by side. */
  | { readonly kind: "call"; readonly method: string; readonly request: Message; readonly reads?: boolean }
  /** A unary call of any path with any bytes. With `codeOnly` the texts come from a library and are not compared. */
  | { readonly kind: "raw"; readonly path: string; readonly bytes: Uint8Array; readonly codeOnly: boolean }
  /** Several calls in a row whose outcomes are compared as one; for state that must not outlive the step. */
  | { readonly kind: "sequence"; readonly calls: readonly { readonly method: string; readonly request: Message }[] }
  /** A lease renewed on the keep-alive stream. */
  | { readonly kind: "keep-alive"; readonly id: string }
  /** A watcher created on stream `stream`. */
  | { readonly kind: "watch"; readonly stream: number; readonly request: Message }
  | { readonly kind: "cancel-watch"; readonly stream: number; readonly watchId: string }
  /** A stream-wide progress request. */
  | { readonly kind: "progress"; readonly stream: number }
  /** The stream closed with all its watchers, and a new one opened. */
  | { readonly kind: "new-stream"; readonly stream: number }
  /** All watchers are let catch up and their events compared. */
  | { readonly kind: "settle" }
  /** Both servers stopped and started again on their data. */
  | { readonly kind: "restart" };

/** A step in one line of text, bytes as text where printable. */
export function describeStep(step: Step): string {
  return JSON.stringify(step, printable);
}

/** A JSON replacer that shows bytes as text or hex, long ones shortened. */
export function printable(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  const bytes = asBytes(value);
  if (bytes === undefined) return value;
  const text = Buffer.from(bytes).toString("latin1");
  const shown = /^[\x20-\x7e]*$/.test(text) ? text : `0x${Buffer.from(bytes).toString("hex")}`;
  return shown.length > 80 ? `${shown.slice(0, 60)}… (${bytes.length} bytes)` : shown;
}

function asBytes(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  // A Buffer's own toJSON ran before the replacer.
  if (typeof value !== "object" || value === null) return undefined;
  const { type, data } = value as { type?: unknown; data?: unknown };
  return type === "Buffer" && Array.isArray(data) ? Uint8Array.from(data as number[]) : undefined;
}
