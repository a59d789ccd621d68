import { createHash } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import { must } from "@quorate/base";
import { CHUNK_BYTES } from "../bbolt/page-sink.ts";
import { fileOfDescriptor } from "../node-file-system.ts";
import { StorageError } from "../storage-error.ts";
import { contentOf, planSnapshot } from "./snapshot-stream.ts";
import type { SnapshotMessage, SnapshotTask } from "./thread-snapshot-stream.ts";

/** The other thread of `thread-snapshot-stream.ts`: makes one database file, a few chunks ahead of who reads it, and ends. */
const port = must(parentPort, "a worker's port");
/**
 * How long this thread rests when it has woken the one that serves: a priority alone would give it the core at the kernel's next tick
 * only, milliseconds later.
 */
const REST_MS = 0.3;
/** Nobody wakes who waits on it. */
const untouched = new Int32Array(new SharedArrayBuffer(4));
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
  for (let step = chunks.next(); step.done !== true; step = chunks.next()) {
    const { value } = step;
    hash.update(value);
    await slotIsFree();
    memory.set(value, slot);
    tell({ kind: "chunk", bytes: value.length });
    slot = (slot + CHUNK_BYTES) % memory.length;
    rest();
  }
  tell({ kind: "end", digest: hash.digest() });
}

/** Leaves the core to others, in the middle of everything and for less than a timer can. */
function rest(): void {
  Atomics.wait(untouched, 0, 0, REST_MS);
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
try {
  await make(workerData as SnapshotTask);
} catch (error) {
  if (!(error instanceof StorageError)) throw error;
  const { code, message, remedy } = error;
  tell({ kind: "failed", code, message, remedy });
}
port.close();
