import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { EtcdNode, findPeer, type PeerName, peersAreRequired, requirePeer, waitUntil } from "@quorate/testkit";
import { TestCluster } from "../node/support/test-cluster.ts";
import { documentedMetrics, isDocumentedAsAbsent } from "./metrics-page.ts";
import { Scrape, scrapeOf } from "./scraped.ts";

let cluster: TestCluster | undefined;
let own = new Scrape("");

beforeAll(async () => {
  cluster = await TestCluster.start(2, ["--metrics=extensive"]);
  await waitUntil(
    async () => {
      own = new Scrape((await cluster?.node(0).http("/metrics"))?.body ?? "");
      return own.total("etcd_cluster_version") > 0;
    },
    { what: "the cluster's version", timeoutMs: 10_000 },
  );
});

afterAll(async () => {
  await cluster?.close();
});

/** What comes of the runtime and the process, beside etcd's names. */
function isRuntime(name: string): boolean {
  return name.startsWith("nodejs_") || name.startsWith("process_");
}

describe("the page about metrics", () => {
  it("names every metric that a server prints", () => {
    const documented = new Set(documentedMetrics().map(({ name }) => name));
    const missing = [...own.families.keys()].filter((name) => !documented.has(name) && !isRuntime(name));
    expect(missing).toEqual([]);
    expect(documented.size).toBe(documentedMetrics().length);
  });

  it("says which are there from the start, with their types and labels", () => {
    const wrong: string[] = [];
    for (const { fromStart, labels, name, type } of documentedMetrics()) {
      const family = own.families.get(name);
      if (family === undefined) {
        if (fromStart !== "no") wrong.push(`${name} is not there`);
      } else if (family.type !== type || family.labels.join() !== labels.join()) {
        wrong.push(`${name} is a ${family.type} of ${family.labels.join()}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it("calls nothing absent that is there", () => {
    expect([...own.families.keys()].filter((name) => isDocumentedAsAbsent(name))).toEqual([]);
  });
});

/** Where a type differs on purpose. */
const OTHER_TYPE: ReadonlySet<string> = new Set();

for (const peer of ["etcd-3.4", "etcd-3.5"] satisfies PeerName[]) {
  const isHere = findPeer(peer) !== undefined || peersAreRequired();
  (isHere ? describe : describe.skip)(`beside ${peer}`, () => {
    let etcd: EtcdNode | undefined;
    let theirs = new Scrape("");
    beforeAll(async () => {
      etcd = await EtcdNode.start({ program: [requirePeer(peer)], medium: "memory", flags: ["--metrics=extensive"] });
      theirs = await scrapeOf(etcd.clientUrl);
    });
    afterAll(async () => {
      await etcd?.close();
    });

    it("there is every metric, or a reason why not", () => {
      const documented = new Set(documentedMetrics().map(({ name }) => name));
      const names = [...theirs.families.keys()];
      expect(names.length).toBeGreaterThan(100);
      expect(names.filter((name) => !documented.has(name) && !isDocumentedAsAbsent(name))).toEqual([]);
      expect(names.filter((name) => documented.has(name) && isDocumentedAsAbsent(name))).toEqual([]);
    });

    it("types, labels and bounds are the same", () => {
      const differing: string[] = [];
      for (const [name, their] of theirs.families) {
        const our = own.families.get(name);
        if (our === undefined) continue;
        if (our.type !== their.type && !OTHER_TYPE.has(name)) differing.push(`${name}: ${our.type} is ${their.type}`);
        const ours = [our.labels.join(), our.bounds.join()].join(" ");
        // Without a series their labels are not known.
        if (their.labels.length > 0 && our.labels.join() !== their.labels.join()) {
          differing.push(`${name}: ${ours} is ${their.labels.join()}`);
        }
        if (our.bounds.length > 0 && their.bounds.length > 0 && our.bounds.join() !== their.bounds.join()) {
          differing.push(`${name}: ${our.bounds.join()} is ${their.bounds.join()}`);
        }
      }
      expect(differing).toEqual([]);
    });
  });
}
