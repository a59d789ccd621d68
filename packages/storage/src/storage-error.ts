/**
 * Why storage refuses or stops:
 * - `locked`: another process uses the directory
 * - `missing`: the directory, or a file it cannot do without, is not there
 * - `unwritable`: permissions, a read-only or full file system
 * - `foreign`: files of another program, or of something else entirely
 * - `newerFormat`: written by a newer release
 * - `wrongIdentity`: files of another member or cluster
 * - `damaged`: bytes that were durable have changed or gone
 * - `torn`: a write was cut off where a read-only reader may not repair it
 * - `ioFailed`: a write or sync failed; nothing may be trusted until the process starts anew
 * - `closed`: used after close
 */
export type StorageErrorCode =
  | "locked"
  | "missing"
  | "unwritable"
  | "foreign"
  | "newerFormat"
  | "wrongIdentity"
  | "damaged"
  | "torn"
  | "ioFailed"
  | "closed";

/** What is known about a failure besides its sentence. */
export interface StorageErrorDetails {
  /** The file, directory or record concerned. */
  readonly file: string;
  /** Byte position in the file, where there is one. */
  readonly offset?: number;
  /** What the operator can do, as an imperative sentence without full stop. */
  readonly remedy: string;
  readonly cause?: unknown;
}

/** The one error of this package. Its message is one line that names the file, the position and the remedy. */
export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly code: StorageErrorCode;
  readonly file: string;
  readonly offset: number | undefined;
  readonly remedy: string;

  constructor(code: StorageErrorCode, what: string, details: StorageErrorDetails) {
    const where = details.offset === undefined ? details.file : `${details.file} at byte ${details.offset}`;
    const message = (details.cause as { readonly message?: unknown } | undefined)?.message;
    const why = typeof message === "string" ? ` (${message})` : "";
    super(`${what}: ${where}${why}; ${details.remedy}`, { cause: details.cause });
    this.code = code;
    this.file = details.file;
    this.offset = details.offset;
    this.remedy = details.remedy;
  }
}

/** Whether bytes that were durable have changed or gone: whoever serves from them must stop. */
export function isDamage(error: unknown): error is StorageError {
  return error instanceof StorageError && error.code === "damaged";
}
