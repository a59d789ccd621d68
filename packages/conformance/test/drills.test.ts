/** What operators practise, as scripts, on three members with certificates. */
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { backupDrill } from "../src/drills/backup-drill.ts";
import { electionDrill } from "../src/drills/election-drill.ts";
import { kubernetesDrill } from "../src/drills/kubernetes-drill.ts";
import { quorumDrill } from "../src/drills/quorum-drill.ts";
import { SecureCluster } from "../src/drills/secure-cluster.ts";
import { statusDrill } from "../src/drills/status-drill.ts";
import { Checks } from "../src/suite-report.ts";
import { peerSuite } from "./peer-suite.ts";

type Drill = (cluster: SecureCluster, checks: Checks) => Promise<void>;

const DRILLS: ReadonlyArray<readonly [name: string, drill: Drill]> = [
  ["how the cluster is: members, health, leader, sizes, alarms, metrics", statusDrill],
  ["a scheduled backup with copies kept, and its restore", backupDrill],
  ["who leads: an election of clients and that of the members, watched", electionDrill],
  ["where Kubernetes keeps a config map and a secret", kubernetesDrill],
  ["a majority lost and regained", quorumDrill],
];

peerSuite("drills", ["etcdctl-3.4", "etcdctl-3.5", "kube-apiserver"], (target) => {
  let cluster: SecureCluster;
  beforeAll(async () => {
    cluster = await SecureCluster.start(target);
  }, 60_000);
  afterAll(() => cluster.close());

  it.each(DRILLS)(
    "%s",
    async (_, drill) => {
      const checks = new Checks();
      await drill(cluster, checks);

      expect(checks.failures).toEqual([]);
      expect(checks.count).toBeGreaterThan(5);
    },
    120_000,
  );
});
