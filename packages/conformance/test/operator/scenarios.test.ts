/**
 * The operator in a real Kubernetes with real members, in the short form of each scenario; the long ones are
 * `node packages/conformance/dist/operator.js`.
 */
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { checkChart, checkUnknownKeys, prepareChartChecks } from "../../src/operator/chart-checks.ts";
import { OperatorWorld } from "../../src/operator/operator-world.ts";
import { runScenario, SCENARIOS } from "../../src/operator/run-scenario.ts";
import { Checks } from "../../src/suite-report.ts";
import { expectClean, peerSuite } from "../peer-suite.ts";

const SCENARIO_TIMEOUT_MS = 400_000;

/** The others take minutes each, or wait on purpose; they are run by the command. */
const SHORT = ["install", "scale", "lost-member", "lost-everything", "roll", "rotate"];

peerSuite("operator", ["kube-apiserver", "kube-controller-manager", "kubectl", "helm"], (target) => {
  let world: OperatorWorld;

  beforeAll(async () => {
    world = await OperatorWorld.start(target);
    await world.install();
  }, 240_000);

  afterAll(async () => {
    await world?.close();
  }, 60_000);

  for (const scenario of SCENARIOS.filter(({ name }) => SHORT.includes(name))) {
    it(
      `${scenario.name}: ${scenario.summary}`,
      async () => {
        const progress = (line: string): void => void process.stderr.write(`${scenario.name}: ${line}\n`);
        expectClean(await runScenario(world, scenario, { isLong: false, progress }));
      },
      SCENARIO_TIMEOUT_MS,
    );
  }

  for (const chart of ["quorate-operator", "quorate-cluster"]) {
    it(`chart ${chart}: lint, schema, and objects that the API server takes`, async () => {
      const checks = new Checks();
      await prepareChartChecks(world.kubernetes);
      await checkChart(world.kubernetes, checks, chart);
      await checkUnknownKeys(world.kubernetes, checks, chart);
      expect(checks.failures).toEqual([]);
    }, 240_000);
  }
});
