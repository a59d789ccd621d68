import { type CtlScene, step } from "../ctl-step.ts";
import { SIMPLE } from "./formats.ts";

const ALONE = { ...SIMPLE, alone: true };

/** A name for each format: etcdctl leaves its lock behind when it fails, as it does at a table, and the next one would wait for it. */
export const CONCURRENCY: CtlScene = {
  name: "locks and elections",
  chance: "leases",
  steps: [
    step("lock name echo locked", ALONE),
    { args: ["lock", "name", "--", "sh", "-c", "echo $ETCD_LOCK_KEY $ETCD_LOCK_REV; sleep 0.1; exit 7"], ...ALONE },
    { args: ["lock", "name", "--", "sh", "-c", "kill -9 $$"], ...ALONE },
    step("lock name nosuchcommand", ALONE),
    step("lock name echo -x", SIMPLE),
    step("lock", SIMPLE),
    step("lock held-FORMAT", { formats: ["simple", "json", "fields"], during: [], end: "SIGINT" }),
    step("get held-simple --prefix", SIMPLE),
    step("elect", SIMPLE),
    step("elect name", SIMPLE),
    step("elect name proposal -l", SIMPLE),
    step("elect name-FORMAT proposal", { formats: ["simple", "json", "fields"], during: [], end: "SIGINT" }),
    step("get name-simple --prefix", SIMPLE),
    step("lock waits", {
      ...SIMPLE,
      before: [["put", "waits/0", "first"]],
      during: [],
      until: { args: ["get", "waits/1", "waits0", "--keys-only"], prints: "waits/" },
      end: "SIGINT",
    }),
    step("elect waits proposal", {
      ...SIMPLE,
      during: [],
      until: { args: ["get", "waits/1", "waits0", "--keys-only"], prints: "waits/" },
      end: "SIGINT",
    }),
    step("elect other -l", {
      formats: ["simple", "json", "fields"],
      during: [
        ["put", "other/1", "first"],
        ["put", "other/1", "second"],
        ["del", "other/1"],
      ],
      end: "SIGINT",
    }),
    // Last: etcdctl leaves its keys behind here.
    step("lock held-FORMAT", { formats: ["table"] }),
    step("elect name-FORMAT proposal", { formats: ["table"] }),
  ],
};
