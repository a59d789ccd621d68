/** The API as JSON over HTTP, beside a real etcd. */
import { it } from "@jest/globals";
import { peerProgram } from "../src/command-line.ts";
import { gatewaySuite } from "../src/gateway/gateway-suite.ts";
import { expectClean, peerSuite } from "./peer-suite.ts";

peerSuite("the JSON gateway", ["etcd-3.5"], (target) => {
  it("answers every path as etcd does, but for what is new in 3.7", async () => {
    expectClean(await gatewaySuite(target, peerProgram("3.5.30")));
  }, 120_000);
});
