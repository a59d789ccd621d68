import { type CtlScene, step } from "../ctl-step.ts";
import { SIMPLE } from "./formats.ts";

export const CLUSTER: CtlScene = {
  name: "cluster",
  chance: "members",
  steps: [
    step("put a 1", SIMPLE),
    step("member list"),
    step("member list --hex", { formats: ["json", "fields"] }),
    step("member list x", SIMPLE),
    step("endpoint health"),
    step("endpoint health --cluster"),
    step("--command-timeout=300ms --endpoints=127.0.0.1:1 endpoint health", SIMPLE),
    step("endpoint status"),
    step("endpoint status --cluster"),
    // The same one twice.
    step("endpoint status --endpoints=ENDPOINT", SIMPLE),
    step("endpoint status --hex", { formats: ["json", "fields"] }),
    step("endpoint hashkv"),
    step("endpoint hashkv --cluster"),
    step("endpoint hashkv --rev=2"),
    step("endpoint hashkv --rev=9", SIMPLE),
    step("alarm list"),
    step("alarm disarm"),
    step("alarm list x", SIMPLE),
    step("alarm disarm x", SIMPLE),
    step("defrag"),
    step("defrag --cluster", SIMPLE),
    step("defrag --endpoints=ENDPOINT", SIMPLE),
    step("move-leader 12345", SIMPLE),
    step("move-leader zz", SIMPLE),
    step("move-leader", SIMPLE),
    step("move-leader MEMBER"),
    // Last, since there is no majority any more.
    step("member add m2 --peer-urls=OTHER_URL", SIMPLE),
  ],
};

const UNSTARTED = ["member", "add", "m2", "--learner", "--peer-urls=OTHER_URL"];
const REMOVED = [["member", "remove", "ADDED"]];

export const MEMBERS: CtlScene = {
  name: "members",
  // Else a member that has just joined could not be removed.
  flags: ["--strict-reconfig-check=false"],
  chance: "members",
  steps: [
    step("member update MEMBER --peer-urls=PEER_URL"),
    step("member update MEMBER --peer-urls=PEER_URL --hex", { formats: ["json"] }),
    step("member update MEMBER", SIMPLE),
    step("member update zz --peer-urls=PEER_URL", SIMPLE),
    step("member update 12345 --peer-urls=PEER_URL", SIMPLE),
    step("member remove 12345", SIMPLE),
    step("member remove zz", SIMPLE),
    step("member remove", SIMPLE),
    step("member promote MEMBER", SIMPLE),
    step("member promote 12345", SIMPLE),
    step("member promote", SIMPLE),
    step("member add", SIMPLE),
    step("member add m2", SIMPLE),
    step("member add m2 http://127.0.0.1:1", SIMPLE),
    step("member add m2 --peer-urls=PEER_URL", SIMPLE),
    step("member add m2 --peer-urls=not-a-url", SIMPLE),
    step("member add m2 --learner --peer-urls=OTHER_URL", { after: REMOVED }),
    step("member add m2 --learner --peer-urls=OTHER_URL --hex", { formats: ["json"], after: REMOVED }),
    step("member list", { before: [UNSTARTED], after: REMOVED }),
    step("member promote ADDED", { ...SIMPLE, before: [UNSTARTED], after: REMOVED }),
    step("member remove ADDED", { before: [UNSTARTED] }),
    step("member remove ADDED --hex", { formats: ["json"], before: [UNSTARTED] }),
    step("member promote ADDED", { joins: true }),
    step("move-leader FOLLOWER --endpoints=ENDPOINTS"),
    step("move-leader FOLLOWER --endpoints=http://127.0.0.1:1", SIMPLE),
  ],
};

export const ALARMS: CtlScene = {
  name: "alarms",
  flags: ["--quota-backend-bytes=1000000"],
  steps: [
    step("put large", { stdin: "x".repeat(1_200_000), ...SIMPLE }),
    step("alarm list"),
    step("alarm list --hex", { formats: ["fields"] }),
    step("put small 1", SIMPLE),
    step("endpoint health"),
    step("endpoint status", { formats: ["simple", "json", "fields", "table"] }),
    step("alarm disarm", SIMPLE),
    step("alarm list", SIMPLE),
    step("put small 1", SIMPLE),
    step("put large", { stdin: "x".repeat(1_200_000), ...SIMPLE }),
    step("alarm disarm", { formats: ["json"] }),
    step("endpoint health", SIMPLE),
    step("put large", { stdin: "x".repeat(1_200_000), ...SIMPLE }),
    step("alarm disarm", { formats: ["fields"] }),
  ],
};
