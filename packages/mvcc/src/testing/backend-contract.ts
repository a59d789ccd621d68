import { bytesFromLatin1, latin1FromBytes } from "@quorate/base";
import type { Backend, RevisionRecord } from "../backend.ts";

/** What of a test runner the suite needs; Jest's functions fit. */
export interface TestRunner {
  readonly describe: (name: string, body: () => void) => void;
  readonly it: (name: string, body: () => Promise<void>) => void;
  readonly expect: (actual: unknown) => { toEqual(expected: unknown): void };
}

/** Opens an empty backend. */
export interface BackendFixture {
  readonly backend: Backend;
  /** Waits until the adapter has nothing left to do, or makes it do it: scans are answered after that. */
  readonly settle: () => unknown;
  /** Reopens what was committed, as after a clean stop; undefined where nothing outlives the adapter. */
  readonly reopen?: (() => BackendFixture | PromiseLike<BackendFixture>) | undefined;
  readonly close: () => unknown;
}

type Test = (title: string, body: (fixture: BackendFixture) => unknown) => void;

/** Every adapter of `Backend` passes these tests. `open` is called for each; each closes what it opened. */
export function backendContract(
  name: string,
  runner: TestRunner,
  open: () => BackendFixture | PromiseLike<BackendFixture>,
): void {
  const test: Test = (title, body) => {
    runner.it(title, async () => {
      const fixture = await open();
      try {
        await body(fixture);
      } finally {
        await fixture.close();
      }
    });
  };
  runner.describe(`${name} as a Backend`, () => {
    revisionTests(test, runner.expect);
    scanTests(test, runner.expect);
    bucketTests(test, runner.expect);
    lifeTests(test, runner.expect);
  });
}

function revisionTests(test: Test, expect: TestRunner["expect"]): void {
  test("reads back a revision before and after the commit", async (fixture) => {
    fixture.backend.putRevision(5, 0, false, bytes("value"));
    expect(text(fixture.backend.getRevision(5, 0))).toEqual("value");
    fixture.backend.commit();
    await fixture.settle();
    expect(text(fixture.backend.getRevision(5, 0))).toEqual("value");
  });

  test("tells revisions apart by main and sub", async ({ backend, settle }) => {
    backend.putRevision(2, 0, false, bytes("a"));
    backend.putRevision(2, 1, false, bytes("b"));
    backend.putRevision(256, 0, false, bytes("c"));
    backend.commit();
    await settle();
    const found = [backend.getRevision(2, 0), backend.getRevision(2, 1), backend.getRevision(256, 0)];
    expect(found.map(text)).toEqual(["a", "b", "c"]);
    expect(backend.getRevision(3, 0)).toEqual(undefined);
    expect(backend.getRevision(2, 2)).toEqual(undefined);
  });

  test("keeps values of every size", async ({ backend, settle }) => {
    backend.putRevision(2, 0, false, new Uint8Array(0));
    backend.putRevision(3, 0, false, new Uint8Array(2_000_000).fill(7));
    backend.commit();
    await settle();
    expect(backend.getRevision(2, 0)?.length).toEqual(0);
    expect(backend.getRevision(3, 0)?.every((byte) => byte === 7)).toEqual(true);
  });

  test("never reads a tombstone", async ({ backend, settle }) => {
    backend.putRevision(3, 0, true, bytes("key"));
    expect(backend.getRevision(3, 0)).toEqual(undefined);
    backend.commit();
    await settle();
    expect(backend.getRevision(3, 0)).toEqual(undefined);
  });

  test("deletes revisions, committed or not", async (fixture) => {
    const { backend } = fixture;
    backend.putRevision(2, 0, false, bytes("a"));
    backend.putRevision(3, 0, true, bytes("a"));
    backend.commit();
    await fixture.settle();
    backend.deleteRevision(2, 0, false);
    backend.deleteRevision(3, 0, true);
    backend.putRevision(4, 0, false, bytes("b"));
    backend.deleteRevision(4, 0, false);
    backend.deleteRevision(9, 0, false);
    expect(backend.getRevision(2, 0)).toEqual(undefined);
    expect(backend.getRevision(4, 0)).toEqual(undefined);
    backend.commit();
    await fixture.settle();
    expect(labels(await scan(fixture, 0, 0, 10))).toEqual([]);
  });
}

function scanTests(test: Test, expect: TestRunner["expect"]): void {
  test("scans revisions in order, tombstones included, from any point and up to a limit", async (fixture) => {
    const { backend } = fixture;
    for (const main of [2, 3, 255, 256, 65_536, 2 ** 40]) backend.putRevision(main, 0, false, bytes(`v${main}`));
    backend.putRevision(256, 1, true, bytes("t"));
    backend.putRevision(256, 2, false, bytes("u"));
    backend.commit();
    expect(labels(await scan(fixture, 0, 0, 100))).toEqual([
      "2.0",
      "3.0",
      "255.0",
      "256.0",
      "256.1t",
      "256.2",
      "65536.0",
      "1099511627776.0",
    ]);
    expect(labels(await scan(fixture, 256, 1, 2))).toEqual(["256.1t", "256.2"]);
    expect(labels(await scan(fixture, 4, 0, 2))).toEqual(["255.0", "256.0"]);
    expect(labels(await scan(fixture, 2 ** 40, 1, 5))).toEqual([]);
    expect((await scan(fixture, 256, 0, 3)).map((record) => text(record.value))).toEqual(["v256", "t", "u"]);
  });

  test("scans what is not committed yet", async (fixture) => {
    fixture.backend.putRevision(2, 0, false, bytes("a"));
    fixture.backend.commit();
    await fixture.settle();
    fixture.backend.putRevision(3, 0, false, bytes("b"));
    fixture.backend.deleteRevision(2, 0, false);
    fixture.backend.putRevision(4, 0, true, bytes("c"));
    expect(labels(await scan(fixture, 0, 0, 10))).toEqual(["3.0", "4.0t"]);
  });

  test("never answers a scan from inside the call", async (fixture) => {
    let isAnswered = false;
    fixture.backend.scanRevisions(0, 0, 1, () => {
      isAnswered = true;
    });
    expect(isAnswered).toEqual(false);
    await fixture.settle();
    expect(isAnswered).toEqual(true);
  });
}

function bucketTests(test: Test, expect: TestRunner["expect"]): void {
  test("keeps small buckets apart and in key order", async ({ backend, settle }) => {
    backend.put("meta", bytes("b"), bytes("2"));
    backend.put("meta", bytes("a"), bytes("1"));
    backend.put("meta", bytes("\xff"), bytes("3"));
    backend.put("lease", bytes("a"), bytes("other"));
    expect(text(backend.get("meta", bytes("a")))).toEqual("1");
    backend.commit();
    await settle();
    backend.put("meta", bytes("b"), bytes("4"));
    const listed = backend.list("meta").map((record) => `${text(record.key)}=${text(record.value)}`);
    expect(listed).toEqual(["a=1", "b=4", "\xff=3"]);
    expect(backend.list("lease").length).toEqual(1);
    expect(backend.list("alarm")).toEqual([]);
  });

  test("deletes from small buckets", async ({ backend, settle }) => {
    backend.put("auth", bytes("a"), bytes("1"));
    backend.put("auth", bytes("b"), bytes("2"));
    backend.commit();
    await settle();
    backend.delete("auth", bytes("a"));
    backend.delete("auth", bytes("missing"));
    expect(backend.get("auth", bytes("a"))).toEqual(undefined);
    backend.commit();
    await settle();
    expect(backend.list("auth").map((record) => text(record.key))).toEqual(["b"]);
  });
}

function lifeTests(test: Test, expect: TestRunner["expect"]): void {
  test("takes commits of nothing", async ({ backend, settle }) => {
    backend.commit();
    backend.commit();
    await settle();
    expect(backend.list("meta")).toEqual([]);
  });

  test("reports sizes that are not negative", async ({ backend, settle }) => {
    backend.putRevision(2, 0, false, bytes("a"));
    backend.commit();
    await settle();
    expect(backend.sizeBytes() >= 0 && backend.sizeInUseBytes() >= 0).toEqual(true);
  });

  test("finds what was committed after it is opened again, where it keeps anything", async (fixture) => {
    if (fixture.reopen === undefined) return;
    fixture.backend.putRevision(2, 0, false, bytes("a"));
    fixture.backend.putRevision(3, 0, true, bytes("k"));
    fixture.backend.put("meta", bytes("m"), bytes("1"));
    fixture.backend.commit();
    await fixture.settle();
    const again = await fixture.reopen();
    try {
      expect(labels(await scan(again, 0, 0, 10))).toEqual(["2.0", "3.0t"]);
      expect(text(again.backend.getRevision(2, 0))).toEqual("a");
      expect(text(again.backend.get("meta", bytes("m")))).toEqual("1");
    } finally {
      await again.close();
    }
  });
}

async function scan(fixture: BackendFixture, main: number, sub: number, limit: number): Promise<RevisionRecord[]> {
  let found: RevisionRecord[] | undefined;
  fixture.backend.scanRevisions(main, sub, limit, (error, records) => {
    if (error !== undefined) throw error;
    found = [...records];
  });
  await fixture.settle();
  if (found === undefined) throw new Error("a scan was not answered by the time the adapter had settled");
  return found;
}

function labels(records: readonly RevisionRecord[]): string[] {
  return records.map(({ main, sub, tombstone }) => `${main}.${sub}${tombstone ? "t" : ""}`);
}

function bytes(latin1: string): Uint8Array {
  return bytesFromLatin1(latin1);
}

function text(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? undefined : latin1FromBytes(value);
}
