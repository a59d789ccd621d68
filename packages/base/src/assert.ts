/** An invariant of our own code does not hold. Nobody catches it but the process boundary, which logs and exits. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
  readonly details: Readonly<Record<string, unknown>> | undefined;
  constructor(message: string, details?: Readonly<Record<string, unknown>>) {
    super(details === undefined ? message : `${message} ${describe(details)}`);
    this.details = details;
  }
}

function describe(details: Readonly<Record<string, unknown>>): string {
  return Object.entries(details)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(" ");
}

/**
 * Throws {@link InvariantError} unless `condition` holds. `message` is a literal (building one eagerly costs 20 ns a call);
 * numbers go into `details`.
 */
export function assert(
  condition: boolean,
  message: string,
  details?: Readonly<Record<string, unknown>>,
): asserts condition {
  if (!condition) throw new InvariantError(message, details);
}

/** The value, which must not be undefined or null. Throws {@link InvariantError} naming `why` otherwise. */
export function must<T>(value: T | undefined | null, why: string): T {
  if (value === undefined || value === null) throw new InvariantError(why);
  return value;
}

/** Marks a place the type checker proves unreachable. Throws {@link InvariantError} when it is reached all the same. */
export function unreachable(value: never): never {
  throw new InvariantError("unreachable case", { value });
}
