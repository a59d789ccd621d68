import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { NO_LOGGER } from "@quorate/base";
import { temporaryDirectory, waitUntil } from "@quorate/testkit";
import { Scrub, type Scrubbed } from "../../src/node/scrub.ts";
import { b } from "./support/etcd-client.ts";
import { TestNode } from "./support/test-node.ts";

const MINUTE_MS = 60_000;
const GIB = 1024 ** 3;

/** Tables that are verified at once, and a timer that waits for the test. */
class Bench {
  readonly delays: number[] = [];
  readonly asked: (string | undefined)[] = [];
  readonly fatal: Error[] = [];
  readonly scrub: Scrub;
  tables: readonly string[] = [];
  sizeBytes = 0;
  damaged: string | undefined;
  #due: (() => void) | undefined;

  constructor() {
    const backend: Scrubbed = {
      sizeBytes: () => this.sizeBytes,
      scrub: (after, done) => {
        this.asked.push(after);
        const table = this.tables.find((each) => after === undefined || each > after);
        done(table !== undefined && table === this.damaged ? new Error(`damaged ${table}`) : undefined, table);
      },
    };
    this.scrub = new Scrub({
      backend,
      logger: NO_LOGGER,
      fatal: (error) => this.fatal.push(error),
      startTimer: (run, delayMs) => {
        this.delays.push(delayMs);
        this.#due = run;
        return () => (this.#due = undefined);
      },
    });
  }

  /** Lets the time pass until the next table is due, if one is. */
  pass(): void {
    const due = this.#due;
    this.#due = undefined;
    due?.();
  }
}

describe("Scrub", () => {
  it("goes round the tables, one at a time, as they are by then", () => {
    const bench = new Bench();
    bench.tables = ["1", "2"];
    bench.scrub.start();
    expect(bench.asked).toEqual([]);
    for (let i = 0; i < 4; i++) bench.pass();
    bench.tables = ["1", "2", "3"];
    for (let i = 0; i < 4; i++) bench.pass();

    expect(bench.asked).toEqual([undefined, "1", "2", undefined, "1", "2", "3", undefined]);
  });

  it("takes its time, but no more than half a day for all of them", () => {
    const bench = new Bench();
    bench.scrub.start();
    bench.sizeBytes = 8 * GIB;
    bench.pass();
    bench.sizeBytes = 10_000 * GIB;
    bench.pass();

    expect(bench.delays).toEqual([5 * MINUTE_MS, (12 * 60 * MINUTE_MS) / 2048, 250]);
  });

  it("ends with the first damage, and when it is stopped", () => {
    const bench = new Bench();
    bench.tables = ["1", "2"];
    bench.damaged = "2";
    bench.scrub.start();
    for (let i = 0; i < 4; i++) bench.pass();
    expect([bench.fatal.map(({ message }) => message), bench.asked.length]).toEqual([["damaged 2"], 2]);

    const stopped = new Bench();
    stopped.scrub.start();
    stopped.scrub.stop();
    stopped.pass();
    expect(stopped.asked).toEqual([]);
  });
});

describe("a member whose files go bad while it serves", () => {
  it("ends with the name of the file and the place in it, though nobody has asked for what is there", async () => {
    using directory = temporaryDirectory("quorate-scrub-", "memory");
    const node = await TestNode.start(directory.path);
    try {
      for (let i = 0; i < 12; i++) await node.client.put({ key: b(`k${i}`), value: randomBytes(512 * 1024) });
      await node.client.defragment();
      node.node.scrub.verifyNext();
      const engine = join(directory.path, "data", "member", "db");
      const table = readdirSync(engine).find((name) => name.endsWith(".ldb"));
      const path = join(engine, table ?? "none");
      const bytes = readFileSync(path);
      bytes[1000] = (bytes[1000] ?? 0) ^ 1;
      writeFileSync(path, bytes);
      expect(node.fatal).toEqual([]);

      await waitUntil(
        () => {
          if (node.fatal.length === 0) node.node.scrub.verifyNext();
          return node.fatal.length > 0;
        },
        { what: "the damage", timeoutMs: 10_000 },
      );
      expect(node.fatal[0]?.message).toMatch(/^damaged table of the engine: .*\/member\/db\/\d+\.ldb at byte \d+; /);
      expect(node.log.some((line) => line.includes("damaged data found on disk"))).toBe(true);
    } finally {
      await node.stop();
    }
  }, 30_000);
});
