/** Clusters of several servers; `mixed.js` and `replace.js` run the same at full length. */
import { it } from "@jest/globals";
import { seedFromEnvironment } from "@quorate/testkit";
import { mixedRun } from "../src/cluster/mixed-run.ts";
import { replaceRun } from "../src/cluster/replace-run.ts";
import { peerProgram } from "../src/command-line.ts";
import { expectClean, peerSuite } from "./peer-suite.ts";

const REQUESTS = 2000;

peerSuite("clusters of several releases", ["etcd-3.4", "etcd-3.5"], () => {
  const [etcd34, etcd35] = [peerProgram("3.4"), peerProgram("3.5")];

  it("hold the same after random requests, leader changes, restarts and outages", async () => {
    const programs = [etcd34, etcd35, etcd34];
    const seed = seedFromEnvironment(5);
    expectClean(await mixedRun({ programs, title: "etcd 3.4 and 3.5", requests: REQUESTS, seed }));
  }, 300_000);

  it("keep every acknowledged write while all members are replaced under load", async () => {
    const seed = seedFromEnvironment(5);
    const title = "etcd 3.4 by 3.5";
    expectClean(await replaceRun({ from: etcd34, to: etcd35, replaced: 3, back: false, title, seed }));
  }, 180_000);
});
