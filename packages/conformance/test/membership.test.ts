/** Membership changes against members of a real etcd and of the server under test, outcome by outcome. */
import { expect, it } from "@jest/globals";
import { EtcdCluster, EtcdNode, waitUntil } from "@quorate/testkit";
import { peerProgram } from "../src/command-line.ts";
import { forcedCluster } from "../src/membership/forced-cluster.ts";
import { type LoneStep, loneMembership } from "../src/membership/lone-member.ts";
import { type ClusterStep, threeMembers } from "../src/membership/three-members.ts";
import { peerSuite } from "./peer-suite.ts";

async function stepsOf(program: readonly string[]): Promise<readonly LoneStep[]> {
  await using node = await EtcdNode.start({ program, medium: "memory" });
  return await loneMembership(node.endpoint, `http://127.0.0.1:${node.peerPort}`);
}

/** Up to 3.5, etcd takes a learner whose URLs are updated for a voter in its lists; 3.7.1 does not, and is what is followed. */
function withLearnerKept({ step, outcome }: LoneStep): LoneStep {
  return step === "update it"
    ? { step, outcome: JSON.parse(JSON.stringify(outcome), keepLearner) as unknown }
    : { step, outcome };
}

function keepLearner(_key: string, value: unknown): unknown {
  const urls = (value as { readonly peerURLs?: readonly string[] } | null)?.peerURLs;
  return urls?.includes("http://127.0.0.1:9") === true ? { ...(value as object), isLearner: true } : value;
}

peerSuite("membership of a lone member", ["etcd-3.5"], (target) => {
  it("is answered as etcd 3.5.30 answers it", async () => {
    const expected = await stepsOf(peerProgram("3.5.30"));

    expect(await stepsOf(target)).toEqual(expected.map(withLearnerKept));
    expect(expected.length).toBeGreaterThan(30);
  }, 60_000);
});

peerSuite("membership of three members", ["etcd-3.5"], (target) => {
  const etcd = peerProgram("3.5.30");
  let expected: readonly ClusterStep[] | undefined;

  it("is answered as etcd 3.5.30 answers it, with all members and with one down", async () => {
    expected = await threeMembers(etcd);

    // See withLearnerKept.
    const kept = expected.map(({ step, outcome }) => ({
      step,
      outcome: step === "update it" ? outcome.replace("0 learners", "1 learners") : outcome,
    }));
    expect(await threeMembers(target)).toEqual(kept);
  }, 240_000);

  it("is answered as etcd 3.5.30 answers it where one of the three is etcd, which then say the same of learners", async () => {
    expected ??= await threeMembers(etcd);

    expect(await threeMembers(etcd, [target, target])).toEqual(expected);
  }, 240_000);

  it("is left to one of them that is forced to stand alone, as in etcd", async () => {
    const alone = { members: [["m1"], ["m1"]], isComplete: true, writes: [true, true] };

    expect(await forcedCluster(etcd)).toEqual(alone);
    expect(await forcedCluster(target)).toEqual(alone);
  }, 120_000);

  it("can be waited for no longer than until the member is told to end", async () => {
    await using cluster = await EtcdCluster.prepare({
      members: [{ program: target }, { program: target }, { program: target }],
      medium: "memory",
    });
    const waiting = cluster.node(0);
    const member = waiting.spawn();
    await waitUntil(() => waiting.wholeLog().includes('"msg":"starting"'), { what: "a start", timeoutMs: 20_000 });

    expect(await member.terminate()).toMatchObject({ code: 0 });
  }, 60_000);
});
