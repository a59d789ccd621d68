import { NO_LOGGER, SeededPrng } from "@quorate/base";
import { CLAIMS, PODS } from "../dist/core/index.js";
import { INFORMER_DEFAULTS, Informer } from "../dist/node/kube/index.js";
import { NODE_TIMERS } from "../dist/node/runtime/index.js";

const CLOCK = { nowMs: () => performance.now(), wallMs: () => Date.now() };

/** Says of every Pod that it runs and is ready, and of every claim that it is bound, and runs nothing. Returns what ends it. */
export async function hollowKubelet(api) {
  const now = () => `${new Date().toISOString().slice(0, 19)}Z`;
  const keyOf = ({ metadata }) => ({ namespace: metadata.namespace, name: metadata.name });
  const pod = async (object) => {
    if (object.metadata.deletionTimestamp !== undefined) {
      await api.delete(PODS, keyOf(object), { gracePeriodSeconds: 0 });
    } else if (object.status?.phase !== "Running") {
      const conditions = ["Initialized", "Ready", "ContainersReady", "PodScheduled"].map((type) => ({
        type,
        status: "True",
        lastTransitionTime: now(),
      }));
      const containerStatuses = object.spec.containers.map(({ name, image }) => ({
        name,
        image,
        imageID: "",
        ready: true,
        started: true,
        restartCount: 0,
        state: { running: { startedAt: now() } },
      }));
      await api.patchStatus(PODS, keyOf(object), {
        phase: "Running",
        podIP: "127.0.0.1",
        conditions,
        containerStatuses,
      });
    }
  };
  const claim = async (object) => {
    if (object.status?.phase === "Bound") return;
    const { accessModes, resources } = object.spec;
    await api.patchStatus(CLAIMS, keyOf(object), { phase: "Bound", accessModes, capacity: resources.requests });
  };
  const informers = [
    [PODS, pod],
    [CLAIMS, claim],
  ].map(
    ([resource, keep]) =>
      new Informer({ resource, namespace: "", labels: {} }, INFORMER_DEFAULTS, {
        source: api,
        clock: CLOCK,
        timers: NODE_TIMERS,
        prng: new SeededPrng(1),
        log: NO_LOGGER,
        // What fails is gone or was changed meanwhile, which is told in turn.
        onChange: (object) => void keep(object).catch(() => {}),
      }),
  );
  for (const informer of informers) informer.start();
  return async () => {
    await Promise.all(informers.map((informer) => informer.close()));
  };
}
