import Sequencer from "@jest/test-sequencer";

/** Suites that start servers and clusters, from the longest on: minutes each. */
const LONG = [
  "conformance/test/cluster.test.ts",
  "conformance/test/operator/scenarios.test.ts",
  "conformance/test/faults/faults.test.ts",
  "conformance/test/ctl.test.ts",
  "conformance/test/auth.test.ts",
  "simulator/test/seeds.test.ts",
  "operator/test/node/snapshots/month.test.ts",
  "conformance/test/",
  "operator/test/simulation/",
  "client/test/",
];

function rank({ path }) {
  const place = LONG.findIndex((part) => path.includes(`/packages/${part}`));
  return place < 0 ? LONG.length : place;
}

/** Starts what takes long first, so that no worker is left alone with it at the end; a fresh checkout has no times to go by. */
export default class LongestFirst extends Sequencer {
  sort(tests) {
    return super.sort(tests).sort((a, b) => rank(a) - rank(b));
  }
}
