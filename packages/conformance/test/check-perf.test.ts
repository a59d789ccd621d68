/** `etcdctl check perf` takes a minute of steady load. */
import { it } from "@jest/globals";
import { checkPerfSuite } from "../src/clients/etcdctl-suite.ts";
import { expectClean, peerSuite } from "./peer-suite.ts";

peerSuite("etcdctl check perf", ["etcdctl-3.4"], (target) => {
  it("passes", async () => {
    expectClean(await checkPerfSuite(target));
  }, 150_000);
});
