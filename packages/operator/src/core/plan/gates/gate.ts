/** Why a gate lets a step not pass; in messages, and in tests by its name. */
export interface Refusal {
  /** As G1: the gates are listed in docs/operator-invariants.md. */
  readonly gate: string;
  /** A sentence for the user, without the full stop. */
  readonly message: string;
}

export function refuse(gate: string, message: string): Refusal {
  return { gate, message };
}

/** The first refusal, or undefined if every gate is open. */
export function firstRefusal(...refusals: readonly (Refusal | undefined)[]): Refusal | undefined {
  return refusals.find((refusal) => refusal !== undefined);
}
