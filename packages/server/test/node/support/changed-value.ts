import { createKeyValue, decodeKeyValue, encodeKeyValue } from "@quorate/protocol";
import { type Barrier, LevelBackend, NODE_FILE_SYSTEM } from "@quorate/storage";

/**
 * Changes the value stored at main revision `revision` of a stopped member, with all checksums right: what a mistake of the program,
 * or a stray copy of the directory, would leave. `directory` is its data directory.
 */
export async function changeStoredValue(directory: string, revision: number, value: Uint8Array): Promise<void> {
  let changed: Uint8Array | undefined;
  await withBackend(directory, (backend) => {
    const stored = backend.getRevision(revision, 0);
    if (stored === undefined) throw new Error(`there is no revision ${revision}`);
    changed = encodeKeyValue(createKeyValue({ ...decodeKeyValue(stored), value }));
    backend.deleteRevision(revision, 0, false);
  });
  // A barrier writes its deletions behind its puts.
  await withBackend(directory, (backend) => backend.putRevision(revision, 0, false, changed ?? value));
}

async function withBackend(directory: string, change: (backend: LevelBackend) => void): Promise<void> {
  const backend = await LevelBackend.open({
    directory: `${directory}/member/db`,
    fs: NODE_FILE_SYSTEM,
    fatal: (error) => {
      throw error;
    },
  });
  const barrier = backend.newestBarrier;
  if (barrier === undefined) throw new Error("the member has not stopped cleanly");
  change(backend);
  await new Promise<void>((resolve, reject) => {
    const same: Barrier = barrier;
    backend.barrier(same, (error) => (error === undefined ? resolve() : reject(error)));
  });
  await backend.close();
}
