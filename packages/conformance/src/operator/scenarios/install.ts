import { CHARTS, isSettled, OPERATOR_NAMESPACE } from "../operator-world.ts";
import { type Scenario, timed } from "../scenario.ts";
import { lostWrites, WriteLoad } from "../write-load.ts";

const LIMIT_SECONDS = 60;

/** The five lines that a user writes. */
const FIVE_LINES = `apiVersion: etcd.quorate.dev/v1alpha1
kind: EtcdCluster
metadata: { name: five-lines, namespace: install }
spec:
  replicas: 3
`;

/** Bar 1: from an empty API server to three healthy TLS members. The operator is installed by whoever runs the scenario. */
export const install: Scenario = {
  name: "install",
  summary: "kubectl apply of five lines, three healthy TLS members in under 60 s, and what kubectl and helm say",
  async run({ world, checks, progress, figure }) {
    const { kubernetes } = world;
    await world.createNamespace("install");
    const cluster = world.cluster("install", "five-lines", {});
    const { seconds } = await timed(async () => {
      await kubernetes.kubectl(["apply", "-f", "-"], { input: FIVE_LINES });
      await cluster.until((each) => isSettled(each, 3), "three ready members", 180_000);
    });
    progress(`three members after ${seconds} s`);
    figure(`three members in ${seconds} s`);
    checks.that(`three members in under ${LIMIT_SECONDS} s`, Number(seconds) < LIMIT_SECONDS, seconds);
    const [header = "", line = ""] = (await kubernetes.kubectl(["get", "etcdcluster", "-n", "install"])).split("\n");
    progress(`${header}\n${line}`);
    checks.that("the line of kubectl get", /^five-lines +3\/3 /.test(line), `${header}\n${line}`);
    const nodes = new Set((await cluster.pods()).map(({ spec }) => spec.nodeName));
    checks.equal("nodes of the members", nodes.size, 3);
    await using members = await cluster.members();
    const load = new WriteLoad(() => members.serving(), 50);
    load.start();
    const { acknowledged } = await (async () => {
      while (load.count < 50 && load.atMs < 20_000) await new Promise((done) => setTimeout(done, 50));
      return await load.stop();
    })();
    checks.that("writes over TLS", acknowledged.length >= 50, `${acknowledged.length} writes`);
    const [member] = members.serving();
    if (member !== undefined) checks.equal("lost writes", await lostWrites(member, acknowledged), []);
    const test = await kubernetes.tryHelm(["test", "quorate-operator", "-n", OPERATOR_NAMESPACE, "--timeout", "90s"]);
    checks.that("helm test of the operator", test.code === 0, test.errors + test.output);
    await checkClusterChart(world.kubernetes, checks, progress);
    await kubernetes.kubectl(["delete", "namespace", "install", "--wait=false"]);
  },
};

/** The chart of a cluster: its own test puts and gets with the published credentials. */
async function checkClusterChart(
  kubernetes: Parameters<Scenario["run"]>[0]["world"]["kubernetes"],
  checks: Parameters<Scenario["run"]>[0]["checks"],
  progress: (line: string) => void,
): Promise<void> {
  const where = ["--namespace", "install"];
  const values = ["--set", "cluster.replicas=1"];
  const { seconds } = await timed(() =>
    kubernetes.helm(["install", "store", `${CHARTS}/quorate-cluster`, ...where, ...values, "--timeout", "120s"]),
  );
  progress(`the cluster's chart is installed after ${seconds} s`);
  const name = (await kubernetes.kubectl(["get", "etcdclusters", ...where, "-o", "name"]))
    .split("\n")
    .find((each) => each !== "" && !each.endsWith("/five-lines"));
  checks.that("the chart made a cluster", name !== undefined);
  await kubernetes.kubectl(["wait", ...where, name ?? "", "--for=condition=Ready", "--timeout=120s"]);
  const test = await kubernetes.tryHelm(["test", "store", ...where, "--timeout", "90s"]);
  checks.that("helm test of the cluster", test.code === 0, test.errors + test.output);
}
