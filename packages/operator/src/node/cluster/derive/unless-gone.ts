import { KubeError } from "../../../core/index.ts";

/** What went meanwhile, or was changed by somebody else, is looked at again by the next pass. */
export async function unlessGone(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!(error instanceof KubeError) || (error.reason !== "NotFound" && error.reason !== "Conflict")) throw error;
  }
}
