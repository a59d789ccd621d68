import { setPriority } from "node:os";

/** Below the thread that serves requests: where both want a core, that one gets it. */
const NICE = 10;

// Before the rest is even loaded. Linux alone has a priority for each thread; elsewhere this would be the whole process's.
if (process.platform === "linux") setPriority(0, NICE);
await import("./snapshot-making.ts");
