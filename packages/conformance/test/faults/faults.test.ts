/** Clusters under faults: two minutes of three members and a little of five; `faults.js` runs any length and seed. */
import { it } from "@jest/globals";
import { requirePeer, seedFromEnvironment } from "@quorate/testkit";
import { refusalSuite } from "../../src/faults/refusals.ts";
import { type FaultOptions, runFaults } from "../../src/faults/run-faults.ts";
import { expectClean, peerSuite } from "../peer-suite.ts";

const FLAGS = ["--snapshot-count=500"];

function options(program: readonly string[], members: number, seconds: number): FaultOptions {
  const programs = Array.from({ length: members }, () => program);
  return { programs, seconds, flags: FLAGS, seed: seedFromEnvironment(7) };
}

peerSuite("clusters under faults", [], (target) => {
  it("keeps three members linearizable and complete", async () => {
    expectClean(await runFaults(options(target, 3, 120)));
  }, 400_000);

  it("keeps five members linearizable and complete", async () => {
    expectClean(await runFaults(options(target, 5, 30)));
  }, 300_000);

  it("refuses a member with a wiped disk and one of a foreign cluster", async () => {
    expectClean(await refusalSuite(target));
  }, 120_000);
});

peerSuite("the fault suite itself", ["etcd-3.5"], () => {
  it("finds nothing wrong with a real etcd", async () => {
    expectClean(await runFaults(options([requirePeer("etcd-3.5")], 3, 15)));
  }, 200_000);
});
