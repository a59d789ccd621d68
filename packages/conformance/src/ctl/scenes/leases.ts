import { type CtlScene, step } from "../ctl-step.ts";
import { LISTED, SIMPLE } from "./formats.ts";

const GRANTED = { before: [["lease", "grant", "1000"]] };

export const LEASES: CtlScene = {
  name: "leases",
  chance: "leases",
  steps: [
    step("lease list"),
    step("lease grant 1000", { after: [["lease", "revoke", "LEASE"]] }),
    step("lease grant 1000", { ...SIMPLE }),
    step("put leased v --lease=LEASE"),
    step("get leased"),
    step("get leased --hex", { formats: ["fields"] }),
    step("lease list"),
    step("lease list --hex", { formats: ["json", "fields"] }),
    step("lease timetolive LEASE"),
    step("lease timetolive LEASE --keys"),
    step("lease timetolive LEASE --keys --hex"),
    step("lease keep-alive LEASE --once"),
    step("lease keep-alive LEASE --once --hex", { formats: ["json", "fields"] }),
    step("lease keep-alive LEASE", { ...LISTED, during: [], end: "SIGINT" }),
    step("lease keep-alive LEASE", { formats: ["table"] }),
    step("lease revoke LEASE", SIMPLE),
    step("lease revoke LEASE", SIMPLE),
    step("lease timetolive LEASE"),
    step("lease keep-alive LEASE --once"),
    step("lease keep-alive LEASE"),
    step("lease revoke LEASE", GRANTED),
    step("lease grant 0", SIMPLE),
    step("lease grant 9000000001", SIMPLE),
    step("lease grant x", SIMPLE),
    step("lease grant", SIMPLE),
    step("lease revoke zz", SIMPLE),
    step("lease revoke", SIMPLE),
    step("lease timetolive zz", SIMPLE),
    step("lease timetolive", SIMPLE),
    step("lease keep-alive zz", SIMPLE),
    step("lease keep-alive", SIMPLE),
    step("lease list x", SIMPLE),
  ],
};
