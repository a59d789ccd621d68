import { type CtlScene, step } from "../ctl-step.ts";
import { SIMPLE } from "./formats.ts";

const SAVED = { before: [["snapshot", "save", "SNAPSHOT"]] };

export const SNAPSHOTS: CtlScene = {
  name: "snapshots",
  steps: [
    step("put a 1", {
      ...SIMPLE,
      after: [
        ["put", "b", "2"],
        ["del", "a"],
        ["put", "c", "3"],
      ],
    }),
    step("snapshot save FILE"),
    step("snapshot save", SIMPLE),
    step("snapshot save FILE x", SIMPLE),
    step("snapshot save /nowhere/file", SIMPLE),
    step("snapshot save FILE --endpoints=127.0.0.1:1", SIMPLE),
    step("snapshot status SNAPSHOT", SAVED),
    step("snapshot status", SIMPLE),
    step("snapshot status SNAPSHOT x", { ...SAVED, ...SIMPLE }),
    step("snapshot status /nowhere/file", SIMPLE),
    step("snapshot restore SNAPSHOT --data-dir FILE.FORMAT", SAVED),
    step("snapshot restore SNAPSHOT --data-dir FILE.simple", { ...SAVED, ...SIMPLE }),
    step("snapshot restore", SIMPLE),
    step("snapshot restore /nowhere/file --data-dir FILE.none", SIMPLE),
    step("snapshot restore SNAPSHOT --name m9 --data-dir FILE.m9", { ...SAVED, ...SIMPLE }),
  ],
};
