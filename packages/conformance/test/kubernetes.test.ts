/** A real kube-apiserver on the server under test. */
import { it } from "@jest/globals";
import { kubernetesSuite } from "../src/kubernetes/suite.ts";
import { expectClean, peerSuite } from "./peer-suite.ts";

peerSuite("kubernetes", ["kube-apiserver", "kubectl"], (target) => {
  it("keeps a thousand config maps, their versions and their watches", async () => {
    expectClean(await kubernetesSuite(target, 1000));
  }, 240_000);
});
