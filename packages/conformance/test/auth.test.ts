/** Random requests of random users against a real etcd and the server under test; `auth.js` runs the same at full length. */
import { expect, it } from "@jest/globals";
import { seedFromEnvironment } from "@quorate/testkit";
import { authRun } from "../src/auth/auth-run.ts";
import { mixedAuthRun } from "../src/auth/mixed-auth.ts";
import { etcdMember } from "../src/cluster/etcd-member.ts";
import { peerProgram } from "../src/command-line.ts";
import { expectClean, peerSuite } from "./peer-suite.ts";

const PAIRS = 500;
const MIXED_STEPS = 200;
const seed = seedFromEnvironment(11);

peerSuite("users and roles", ["etcd-3.4", "etcd-3.5"], (target) => {
  it.each(["3.4.23", "3.5.30"])(
    "may do what etcd %s lets them do, but for the listed changes",
    async (version) => {
      const result = await authRun({
        seed,
        pairs: PAIRS,
        peer: { program: peerProgram(version), medium: "memory" },
        target: { program: target, medium: "memory" },
      });

      const excused = [...result.excused].map(([id, uses]) => `${uses} x ${id}`).join(", ") || "nothing";
      process.stderr.write(`auth against ${version}: ${result.pairs} pairs, excused ${excused}, seed ${seed}\n`);
      expect(result.differences).toEqual([]);
      expect(result.pairs).toBe(PAIRS);
      // Otherwise nothing would have been looked at.
      for (const end of ["ok", "etcdserver: permission denied", "etcdserver: user name is empty"]) {
        expect(result.coverage.get(`KV/Put ${end}`)).toBeGreaterThan(0);
      }
    },
    120_000,
  );

  it.each(["3.4.23", "3.5.30"])(
    "are the same for every member of a cluster with two of etcd %s, over outages and snapshots of either kind",
    async (version) => {
      const etcd = etcdMember(version);
      const title = `one under test, two etcd ${version}`;
      expectClean(await mixedAuthRun({ members: [{ program: target }, etcd, etcd], title, steps: MIXED_STEPS, seed }));
    },
    240_000,
  );
});
