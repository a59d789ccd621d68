import type { Destination } from "../api/index.ts";

/** Where the init container of a member that begins with a snapshot gets it from. */
export interface RestoreSource {
  readonly destination: Destination;
  readonly key: string;
  /** Of the data before compression, hexadecimal; undefined: what the artifact's own manifest says. */
  readonly sha256: string | undefined;
  readonly revisionBump: number;
}
