import { type CtlScene, step } from "../ctl-step.ts";
import { SIMPLE } from "./formats.ts";

export const WATCHES: CtlScene = {
  name: "watches",
  steps: [
    step("watch w --rev=2", {
      during: [
        ["put", "w", "1"],
        ["put", "other", "x"],
        ["put", "w", "2"],
        ["del", "w"],
      ],
    }),
    step("watch w --prev-kv", {
      during: [
        ["put", "w", "3"],
        ["put", "w", "4"],
        ["del", "w"],
      ],
    }),
    step("watch p/ --prefix --prev-kv --hex", {
      during: [
        ["put", "p/1", "a"],
        ["del", "p/", "--prefix"],
      ],
    }),
    step("watch r1 r4", {
      ...SIMPLE,
      during: [
        ["put", "r1", "a"],
        ["put", "r4", "c"],
        ["put", "r3", "b"],
      ],
    }),
    step("watch x -- echo changed", { ...SIMPLE, during: [["put", "x", "5"]] }),
    step("watch x --", SIMPLE),
    step("watch", SIMPLE),
    step("watch a b --prefix", SIMPLE),
    { args: ["watch", "-i"], stdin: "nonsense\nwatch\n", ...SIMPLE },
    { args: ["watch", "-i"], stdin: "\n", ...SIMPLE },
    {
      args: ["watch", "-i"],
      stdin: "watch y\nwatch z --prefix\n",
      holdsInput: true,
      during: [
        ["put", "y", "6"],
        ["put", "z1", "7"],
      ],
    },
    step("compaction 5", SIMPLE),
    step("watch w --rev=3"),
    step("watch w --rev=3 -- echo never", SIMPLE),
  ],
};

/** The server tells its progress every second and a half, to whom it has nothing else to tell. */
export const PROGRESS: CtlScene = {
  name: "progress of watches",
  flags: ["--watch-progress-notify-interval=1500ms"],
  steps: [
    step("watch w --progress-notify", { etcdctl: "3.5", during: [] }),
    step("watch w --progress-notify --prev-kv", { ...SIMPLE, etcdctl: "3.5", during: [["put", "w", "1"]] }),
  ],
};
