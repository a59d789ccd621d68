/** Real, unmodified clients against the server under test. */
import { it } from "@jest/globals";
import { etcd3Suite } from "../src/clients/etcd3-suite.ts";
import { etcdctlSuite } from "../src/clients/etcdctl-suite.ts";
import { grpcJsSuite } from "../src/clients/grpc-js-suite.ts";
import { pythonSuite } from "../src/clients/python-suite.ts";
import { peerProgram } from "../src/command-line.ts";
import { knownAnswersSuite } from "../src/known-answers.ts";
import { expectClean, peerSuite } from "./peer-suite.ts";

peerSuite("etcdctl", ["etcd-3.4", "etcdctl-3.4"], (target) => {
  it("prints the same as against a real etcd", async () => {
    expectClean(await etcdctlSuite(target, peerProgram("3.4.23")));
  }, 120_000);
});

peerSuite("npm etcd3", [], (target) => {
  it("reads, writes, locks, leases, watches and resumes", async () => {
    expectClean(await etcd3Suite(target));
  }, 90_000);
});

peerSuite("python3-etcd3", ["python3-etcd3"], (target) => {
  it("reads, writes, locks, leases and watches", async () => {
    expectClean(await pythonSuite(target));
  }, 90_000);
});

peerSuite("@grpc/grpc-js", [], (target) => {
  it("makes many calls, large ones, late ones and cancelled ones", async () => {
    expectClean(await grpcJsSuite(target));
  }, 90_000);
});

peerSuite("known answers", [], (target) => {
  it("gives the answers of 3.7 that a real etcd at hand cannot be asked for", async () => {
    expectClean(await knownAnswersSuite(target));
  }, 60_000);
});
