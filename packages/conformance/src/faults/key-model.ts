import type { KeyInput, KeyOutput, KeyState } from "./operation.ts";

/** The key before anything happened to it. */
export const ABSENT: undefined = undefined;

/** What one call does to one key: the state after it, and whether a client may have seen `output`. */
export interface Step {
  readonly possible: boolean;
  readonly next: KeyState | undefined;
}

/**
 * The sequential rules of one etcd key: the only definition of what the checkers take for right. An unknown `output` is
 * possible everywhere.
 */
export function applyToKey(state: KeyState | undefined, input: KeyInput, output: KeyOutput | undefined): Step {
  switch (input.kind) {
    case "get":
      return {
        possible: output === undefined || (output.kind === "get" && sameState(output.found, state)),
        next: state,
      };
    case "put":
      return { possible: output === undefined || output.kind === "put", next: written(state, input.value) };
    case "delete": {
      const deleted = state !== ABSENT;
      return {
        possible: output === undefined || (output.kind === "delete" && output.deleted === deleted),
        next: ABSENT,
      };
    }
    case "cas":
      return applyCas(state, input, output);
  }
}

/** One string a state, equal for equal states. */
export function stateKey(state: KeyState | undefined): string {
  return state === ABSENT ? "" : `${state.version} ${state.value}`;
}

function applyCas(state: KeyState | undefined, input: KeyInput & { kind: "cas" }, output: KeyOutput | undefined): Step {
  const succeeded = (state?.version ?? 0) === input.version;
  const next = succeeded ? written(state, input.value) : state;
  if (output === undefined) return { possible: true, next };
  if (output.kind !== "cas" || output.succeeded !== succeeded) return { possible: false, next };
  return { possible: output.succeeded || sameState(output.found, state), next };
}

function written(state: KeyState | undefined, value: string): KeyState {
  return { value, version: (state?.version ?? 0) + 1 };
}

function sameState(a: KeyState | undefined, b: KeyState | undefined): boolean {
  return a?.value === b?.value && a?.version === b?.version;
}
