import { setMaxListeners } from "node:events";

/**
 * Calls `listener` when `signal` is aborted; the returned function takes it back. One signal may be given to any number of calls at
 * once, so the warning of Node.js about many listeners is turned off for it: each is taken back when its call ends.
 */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (signal === undefined) return () => {};
  setMaxListeners(0, signal);
  signal.addEventListener("abort", listener, { once: true });
  return () => signal.removeEventListener("abort", listener);
}
