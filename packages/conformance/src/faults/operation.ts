/** One call on one key, as its client saw it. Times are of one monotonic clock, in milliseconds. */
export interface Operation {
  readonly client: number;
  readonly key: string;
  readonly input: KeyInput;
  readonly called: number;
  /** Infinity for a call whose outcome is unknown: it may take effect at any later time, or never. */
  readonly returned: number;
  /** Undefined exactly when the outcome is unknown. */
  readonly output: KeyOutput | undefined;
}

/** What can be asked of one key. A `cas` writes `value` if the key is at `version` (0: absent), and reads the key if not. */
export type KeyInput =
  | { readonly kind: "get" }
  | { readonly kind: "put"; readonly value: string }
  | { readonly kind: "delete" }
  | { readonly kind: "cas"; readonly version: number; readonly value: string };

/** `found` is what a get, or the other branch of a failed `cas`, read; undefined for an absent key. */
export type KeyOutput =
  | { readonly kind: "get"; readonly found: KeyState | undefined }
  | { readonly kind: "put" }
  | { readonly kind: "delete"; readonly deleted: boolean }
  | { readonly kind: "cas"; readonly succeeded: true }
  | { readonly kind: "cas"; readonly succeeded: false; readonly found: KeyState | undefined };

/** A key that is there: its value and how many puts it had since it was created. */
export interface KeyState {
  readonly value: string;
  readonly version: number;
}

/** A short line for people. */
export function describeOperation(operation: Operation): string {
  const { client, key, input, output, called, returned } = operation;
  const asked = input.kind === "put" || input.kind === "cas" ? `${input.kind} ${JSON.stringify(input)}` : input.kind;
  const answered = output === undefined ? "unknown" : JSON.stringify(output);
  return `[${called.toFixed(1)}, ${returned.toFixed(1)}] client ${client} ${key} ${asked} -> ${answered}`;
}
