import { createHash } from "node:crypto";
import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { must } from "@quorate/base";
import { fileOfDescriptor } from "../node-file-system.ts";
import { StorageError } from "../storage-error.ts";
import { contentOf, planSnapshot } from "./snapshot-stream.ts";
import { SLOT_BYTES, type SnapshotMessage, type SnapshotTask } from "./thread-snapshot-stream.ts";

/** The other thread of `thread-snapshot-stream.ts`: makes one database file, a few chunks ahead of who reads it, and ends. */
const port = must(parentPort, "a worker's port");
/** Below the thread that serves requests: where both want a core, that one gets it at once. */
const NICE = 10;
/** How many chunks are asked for and not sent. */
let wanted = 0;
let wake = (): void => {};

function tell(message: SnapshotMessage): void {
  port.postMessage(message);
}

async function make({ position, slots, state }: SnapshotTask): Promise<void> {
  const files = state.tables.map(({ descriptor }) => fileOfDescriptor(must(descriptor, "a table's descriptor")));
  const { bytes, chunks } = planSnapshot(contentOf(state, files), position);
  tell({ kind: "planned", bytes });
  const hash = createHash("sha256");
  const memory = new Uint8Array(slots);
  let slot = 0;
  let used = 0;
  for (let step = chunks.next(); step.done !== true; step = chunks.next()) {
    const { value } = step;
    hash.update(value);
    if (used === 0) await slotIsFree();
    memory.set(value, slot + used);
    used += value.length;
    if (used < SLOT_BYTES) continue;
    tell({ kind: "chunk", bytes: used });
    used = 0;
    slot = (slot + SLOT_BYTES) % memory.length;
  }
  if (used > 0) tell({ kind: "chunk", bytes: used });
  tell({ kind: "end", digest: hash.digest() });
}

async function slotIsFree(): Promise<void> {
  while (wanted === 0) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  wanted--;
}

port.on("message", (count: number) => {
  wanted += count;
  wake();
});
// Linux alone has a priority for each thread; elsewhere this would be the whole process's.
if (process.platform === "linux") setPriority(0, NICE);
try {
  await make(workerData as SnapshotTask);
} catch (error) {
  if (!(error instanceof StorageError)) throw error;
  const { code, message, remedy } = error;
  tell({ kind: "failed", code, message, remedy });
}
port.close();
