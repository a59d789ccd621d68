/** What operators do, with etcd's own etcdctl, beside a real etcd. */
import { expect, it } from "@jest/globals";
import { temporaryDirectory } from "@quorate/testkit";
import { peerProgram } from "../src/command-line.ts";
import { alarmMatrix } from "../src/maintenance/alarm-matrix.ts";
import { downgradeScript } from "../src/maintenance/downgrade-script.ts";
import { hashEdges } from "../src/maintenance/hash-edges.ts";
import { noSpaceDrill } from "../src/maintenance/no-space-drill.ts";
import { type SavedSnapshot, savedSnapshot } from "../src/maintenance/saved-snapshot.ts";
import { peerSuite } from "./peer-suite.ts";

const NO_SPACE = "8 etcdserver: mvcc: database space exceeded";
const CORRUPT = "15 etcdserver: corrupt cluster";
const TIMED_OUT = "14 etcdserver: request timed out";

peerSuite("maintenance", ["etcd-3.5", "etcdctl-3.4", "etcdctl-3.5"], (target) => {
  it("when the quota is used up: fill, refused, compact, defragment, disarm, writable again", async () => {
    const own = await noSpaceDrill(target);
    const etcds = await noSpaceDrill(peerProgram("3.5.30"));

    expect(own).toEqual(etcds);
    expect(own.at(-1)).toEqual({ step: "writable again", seen: "0: OK" });
  }, 180_000);

  it.each([["NOSPACE"], ["CORRUPT"]])(
    "while %s is on: refuses exactly what etcd refuses",
    async (alarm) => {
      const own = await alarmMatrix(target, [alarm]);
      const etcds = await alarmMatrix(peerProgram("3.5.30"), [alarm]);

      // From 3.7.1 on puts in transactions inside transactions count; below they get past the alarm, and 3.5 does not know.
      const counted = { request: "transaction that puts in a transaction", answer: NO_SPACE };
      const expected = etcds.map((each) => (alarm === "NOSPACE" && each.request === counted.request ? counted : each));
      expect(own).toEqual(expected);
      expect(own.filter(({ answer }) => answer === (alarm === "NOSPACE" ? NO_SPACE : CORRUPT))).toHaveLength(
        alarm === "NOSPACE" ? 5 : 12,
      );
    },
    60_000,
  );

  it.each(["3.4", "3.5"] as const)(
    "a snapshot that etcdctl %s saves is of one revision, whatever is written, and a real etcd starts from it",
    async (version) => {
      using scratch = temporaryDirectory("quorate-saved-");
      const own = await savedSnapshot(target, version, scratch);
      const etcds = await savedSnapshot(peerProgram("3.5.30"), version, scratch);

      for (const { restored, saved, status, writes } of [own, etcds]) {
        expect(restored).toEqual(saved);
        expect(saved.hash).not.toBe("0");
        expect(status.totalKey).toBeGreaterThan(100);
        expect(writes).toBeGreaterThan(0);
      }
      const told = ({ attached, leases }: SavedSnapshot): unknown => ({ attached, leases });
      expect(told(own)).toEqual(told(etcds));
      expect(told(own)).toEqual({ attached: ["history/leased"], leases: ["77", "78"] });
    },
    60_000,
  );

  it("about downgrades: answers as etcd does", async () => {
    const etcds = await downgradeScript(peerProgram("3.5.30"));
    // 3.5 carries changes out and then forgets to say so; 3.6 and newer do.
    const answered = etcds.map(({ request, answer }) => ({ request, answer: answer === TIMED_OUT ? "OK" : answer }));

    expect(await downgradeScript(target)).toEqual(answered);
  }, 60_000);

  it("about hashes of keys: the same at every revision, before and after compactions and a restart", async () => {
    expect(await hashEdges(target)).toEqual(await hashEdges(peerProgram("3.5.30")));
  }, 60_000);
});
