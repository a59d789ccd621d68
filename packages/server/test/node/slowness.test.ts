import { describe, expect, it } from "@jest/globals";
import type { Logger } from "@quorate/base";
import { AppliedKinds } from "../../src/core/applied-kinds.ts";
import { RequestKind } from "../../src/core/index.ts";
import { ApplyWatch } from "../../src/node/apply-watch.ts";
import { observeSlowCalls } from "../../src/node/slow-calls.ts";

function recorder(): { readonly lines: unknown[]; readonly logger: Logger } {
  const lines: unknown[] = [];
  const record = (message: string, fields?: object): void => void lines.push([message, fields]);
  const logger: Logger = { debug: record, info: record, warn: record, error: record, child: () => logger };
  return { lines, logger };
}

describe("ApplyWatch", () => {
  it("warns of batches that take longer than they should, counts them, and tells the time", () => {
    const { lines, logger } = recorder();
    let nowMs = 1000;
    let slow = 0;
    const applied = new AppliedKinds();
    const observed: unknown[] = [];
    const watch = new ApplyWatch(100, {
      nowMs: () => nowMs,
      logger,
      slow: { add: (count = 1) => void (slow += count) },
      applied,
      duration: (op, success) => ({ observe: (seconds, times) => void observed.push([op, success, seconds, times]) }),
    });

    watch.begin();
    nowMs = 1100;
    expect(watch.end(3, 30)).toBe(1100);
    expect([lines, slow]).toEqual([[], 0]);
    expect(observed).toEqual([]);
    watch.begin();
    for (let i = 0; i < 3; i++) applied.add(RequestKind.Put, true);
    applied.add(RequestKind.AuthRoleGrantPermission, false);
    nowMs = 1350;
    expect(watch.end(4, 40)).toBe(1350);
    const fields = { took: "250ms", "expected-duration": "100ms", entries: 4, bytes: 40 };
    expect([lines, slow]).toEqual([[["apply request took too long", fields]], 1]);
    // Of 250 ms each of the four has a fourth.
    expect(observed).toEqual([
      ["Put", true, 0.0625, 3],
      ["AuthRoleGrantPermission", false, 0.0625, 1],
    ]);
  });
});

describe("observeSlowCalls", () => {
  it("warns of unary calls that take longer than they should, and passes everything on", () => {
    const { lines, logger } = recorder();
    const ended: unknown[] = [];
    const observer = observeSlowCalls({ callEnded: (...call) => void ended.push(call) }, logger, 300);

    observer.callEnded?.("/etcdserverpb.KV/Put", "unary", 0, 300);
    observer.callEnded?.("/etcdserverpb.Watch/Watch", "bidi", 1, 5000);
    expect(lines).toEqual([]);
    observer.callEnded?.("/etcdserverpb.KV/Put", "unary", 14, 301.4);
    const fields = { "response type": "/etcdserverpb.KV/Put", "time spent": "301ms", code: 14 };
    expect(lines).toEqual([["request stats", fields]]);
    expect(ended).toHaveLength(3);
  });
});
