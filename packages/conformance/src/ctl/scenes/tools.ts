import { type CtlScene, FORMATS, step } from "../ctl-step.ts";
import { SIMPLE } from "./formats.ts";

export const MIRRORS: CtlScene = {
  name: "mirrors",
  steps: [
    step("make-mirror", SIMPLE),
    step("make-mirror a b", SIMPLE),
    step("make-mirror --dest-prefix=b/ --no-dest-prefix ENDPOINT", SIMPLE),
    step("put from/1 one", {
      ...SIMPLE,
      after: [
        ["put", "from/2", "two"],
        ["put", "else", "x"],
      ],
    }),
    // How many changes there were is printed after half a minute.
    step("make-mirror --prefix=from/ --dest-prefix=to/ ENDPOINT", {
      ...SIMPLE,
      long: true,
      during: [["put", "from/3", "three"]],
    }),
    step("make-mirror --prefix=from/ --dest-prefix=FORMAT/ ENDPOINT", {
      during: [
        ["put", "from/3", "three"],
        ["del", "from/1"],
        ["put", "from/1", "again"],
      ],
      until: { args: ["get", "FORMAT/1"], prints: "again" },
    }),
    ...FORMATS.map((format) => step(`get ${format}/ --prefix`, SIMPLE)),
  ],
};

export const CHECKS: CtlScene = {
  name: "checks",
  steps: [
    step("check perf --load=huge", SIMPLE),
    step("check datascale --load=huge", SIMPLE),
    step("check perf", { before: [["put", "/etcdctl-check-perf/x", "1"]] }),
    step("check datascale", { before: [["put", "/etcdctl-check-datascale/x", "1"]] }),
    step("check perf --prefix=perf/ --auto-compact --auto-defrag", { ...SIMPLE, long: true }),
    step("check datascale --prefix=scale/ --auto-compact --auto-defrag", SIMPLE),
  ],
};

export const PROGRAM: CtlScene = {
  name: "the program",
  steps: [
    step("version"),
    step("nosuchcommand", { ...SIMPLE, alone: true }),
    step("gte a", SIMPLE),
    step("get a --nosuchflag", { ...SIMPLE, alone: true }),
    step("get a --rev=x", SIMPLE),
    step("get a --rev", SIMPLE),
    step("get a --command-timeout=5", SIMPLE),
    step("get a --prefix=maybe", SIMPLE),
    step("get a --cert=", SIMPLE),
    step("mem list", SIMPLE),
    step("--write-out simple get a", SIMPLE),
    step("help"),
    step("help get", SIMPLE),
    step("get --help", SIMPLE),
    step("help lease grant", SIMPLE),
    step("help member", SIMPLE),
    step("member", SIMPLE),
    ...["bash", "zsh", "fish", "powershell"].map((shell) => step(`completion ${shell}`)),
  ],
};
