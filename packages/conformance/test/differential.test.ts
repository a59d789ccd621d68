/** Random requests against a real etcd and the server under test; `differential.js` runs the same at full length. */
import { expect, it } from "@jest/globals";
import { seedFromEnvironment } from "@quorate/testkit";
import { peerProgram } from "../src/command-line.ts";
import { runSeed } from "../src/differential/run-seed.ts";
import { peerSuite } from "./peer-suite.ts";

const REQUESTS = 1500;

peerSuite("differential", ["etcd-3.4", "etcd-3.5"], (target) => {
  it.each(["3.4.23", "3.5.30"])(
    "answers as etcd %s does but for the listed changes",
    async (version) => {
      const seed = seedFromEnvironment(42);
      const result = await runSeed({
        seed,
        requests: REQUESTS,
        peer: { program: peerProgram(version), medium: "memory" },
        target: { program: target, medium: "memory" },
      });

      const excused = [...result.excused].map(([id, uses]) => `${uses} x ${id}`).join(", ") || "nothing";
      process.stderr.write(
        `differential against ${version}: ${result.requests} requests, excused ${excused}, seed ${seed}\n`,
      );
      expect(result.differences).toEqual([]);
      expect(result.requests).toBe(REQUESTS);
    },
    120_000,
  );
});
