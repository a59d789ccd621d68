/** The properties a run is checked for; the first eight are looked at after every step. */
export type Property =
  | "election safety"
  | "leader append-only"
  | "log matching"
  | "leader completeness"
  | "commit stability"
  | "state-machine safety"
  | "applied index monotonic"
  | "equal hashes"
  | "durable log"
  | "linearizability"
  | "acknowledged write lost"
  | "no failure"
  | "liveness";

/** A run broke a property. */
export class Violation extends Error {
  readonly property: Property;

  constructor(property: Property, message: string, options?: ErrorOptions) {
    super(`${property}: ${message}`, options);
    this.name = "Violation";
    this.property = property;
  }
}
