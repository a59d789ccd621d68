/** Clusters of several servers; `mixed.js` and `replace.js` run the same at full length. */
import { it } from "@jest/globals";
import { seedFromEnvironment } from "@quorate/testkit";
import { etcdMember } from "../src/cluster/etcd-member.ts";
import { mixedRun } from "../src/cluster/mixed-run.ts";
import { oddRequestsRun } from "../src/cluster/odd-requests.ts";
import { replaceRun } from "../src/cluster/replace-run.ts";
import { peerProgram } from "../src/command-line.ts";
import { expectClean, peerSuite } from "./peer-suite.ts";

const REQUESTS = 800;
const seed = seedFromEnvironment(5);

peerSuite("clusters of several servers", ["etcd-3.4", "etcd-3.5"], (target) => {
  it.each([
    ["3.4.23", 1],
    ["3.4.23", 2],
    ["3.5.30", 1],
    ["3.5.30", 2],
  ])(
    "hold the same as etcd %s, %i of three under test, after random requests, leader changes, restarts and outages",
    async (version, own) => {
      const members = [0, 1, 2].map((index) => (index < own ? { program: target } : etcdMember(version)));
      const title = `${own} under test, ${3 - own} etcd ${version}`;
      expectClean(await mixedRun({ members, title, requests: REQUESTS, seed }));
    },
    300_000,
  );

  it.each(["3.4.23", "3.5.30"])(
    "hold the same as etcd %s, which goes on running, after requests that it would not understand in the log",
    async (version) => {
      const etcd = etcdMember(version);
      const title = `one under test, two etcd ${version}`;
      expectClean(await oddRequestsRun({ members: [{ program: target }, etcd, etcd], title }));
    },
    120_000,
  );

  it("keep every acknowledged write while all members of an etcd are replaced under load", async () => {
    const title = "etcd 3.5.30 by the server under test";
    expectClean(await replaceRun({ from: peerProgram("3.5.30"), to: target, replaced: 3, back: false, title, seed }));
  }, 240_000);

  it("keep every acknowledged write on the way back to etcd", async () => {
    const title = "etcd 3.4.23 by the server under test and back";
    expectClean(await replaceRun({ from: peerProgram("3.4.23"), to: target, replaced: 2, back: true, title, seed }));
  }, 240_000);
});
