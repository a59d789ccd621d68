import { type EtcdNode, waitUntil } from "@quorate/testkit";

/** A program on a loaded machine takes seconds to begin its watch. */
const BEGIN_TIMEOUT_MS = 15_000;
const END_TIMEOUT_MS = 3000;
const OPEN_WATCHERS = /^etcd_debugging_mvcc_watcher_total [1-9]/m;

/** Resolves when a member has no open watcher, so that the next one is told from one that is just ending; after a while all the same. */
export async function untilNobodyWatches(node: EtcdNode): Promise<void> {
  await untilWatchers(node, "an end of all watchers", END_TIMEOUT_MS, (metrics) => !OPEN_WATCHERS.test(metrics));
}

/**
 * Resolves when a member has an open watcher. Their number is a metric of every etcd; a server that lacks it is given a moment
 * instead.
 */
export async function untilWatching(node: EtcdNode): Promise<void> {
  await untilWatchers(node, "an open watcher", BEGIN_TIMEOUT_MS, (metrics) => OPEN_WATCHERS.test(metrics));
}

async function untilWatchers(
  node: EtcdNode,
  what: string,
  timeoutMs: number,
  isSo: (metrics: string) => boolean,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  const look = async (): Promise<boolean> => {
    if (performance.now() > deadline) return true;
    const response = await fetch(`http://${node.endpoint}/metrics`).catch(() => undefined);
    return isSo((await response?.text()) ?? "");
  };
  await waitUntil(look, { what, timeoutMs: 2 * timeoutMs });
}
