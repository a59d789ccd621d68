/** What the comparison of quoratectl with etcdctl is made of: what it masks, what it excuses, and what it misses. */
import { describe, expect, it } from "@jest/globals";
import { type Format, lineOf, step } from "../src/ctl/ctl-step.ts";
import { type CtlCell, commandOf } from "../src/ctl/ctl-suite.ts";
import { ctlTable, rowsOfPage, tableRows } from "../src/ctl/ctl-table.ts";
import { maskedOutput } from "../src/ctl/output-masks.ts";
import { type CellPlace, reconcile, same } from "../src/ctl/reconcile.ts";
import { missingCells } from "../src/ctl/shared-commands.ts";
import { tableCells } from "../src/ctl/table-cells.ts";
import type { Printed } from "../src/ctl/tool-process.ts";

const printed = (output: string, errors = "", code = 0): Printed => ({ output, errors, code });

const LEASE = "694d5765fc71500b";
const DECIMAL = String(BigInt(`0x${LEASE}`));

function masked(output: string, command: string, format: Format, ids: readonly string[] = [LEASE]): string {
  return maskedOutput(
    { step: step(command), format, printed: printed(output), ids, otherUrl: "http://127.0.0.1:7" },
    command,
  ).output;
}

describe("what is masked", () => {
  it("keeps the form of ids", () => {
    const hex = masked(`lease ${LEASE} revoked\n`, "lease revoke", "simple");
    expect(hex).toBe("lease <id in hex> revoked\n");
    expect(masked(`lease ${DECIMAL} revoked\n`, "lease revoke", "simple")).not.toBe(hex);
    expect(masked(`lease 0${LEASE} revoked\n`, "lease revoke", "simple")).not.toBe(hex);
  });

  it("tells zeros in front from none", () => {
    const ids = ["0694d5765fc71500"];
    expect(masked("0694d5765fc71500\n", "lease list", "simple", ids)).toBe("<id in 16 digits>\n");
    expect(masked("694d5765fc71500\n", "lease list", "simple", ids)).toBe("<id in hex>\n");
  });

  it("leaves ids that were not made by chance", () => {
    expect(masked("lease 694d5765fc71500c revoked\n", "lease revoke", "simple")).toContain("694d5765fc71500c");
  });

  it("finds the ids in the keys of locks", () => {
    const key = Buffer.from(`held/${LEASE}`).toString("base64");
    expect(masked(`{"key":"${key}","lease":${DECIMAL}}`, "lock", "json")).toBe(
      '{"key":base64(held/<id in hex>),"lease":<id>}',
    );
  });

  it.each([
    ["endpoint health", "json", '[{"took":"1.5ms"}]', '[{"took":"<DURATION>"}]'],
    ["endpoint status", "json", '{"took":"1.5ms","dbSize":20480}', '{"took":"1.5ms","dbSize":<BYTES>}'],
    ["get", "json", '{"took":"1.5ms","dbSize":20480}', '{"took":"1.5ms","dbSize":20480}'],
    ["endpoint status", "fields", '"DBSize" : 20480\n"Revision" : 5\n', '"DBSize" : <BYTES>\n"Revision" : 5\n'],
    ["endpoint status", "simple", "e, 1a, 3.7.1, 20 kB, true\n", "e, 1a, 3.7.1, <SIZE>, true\n"],
    ["lease timetolive", "json", '{"ttl":999,"granted-ttl":1000}', '{"ttl":<SECONDS>,"granted-ttl":1000}'],
    ["lease timetolive", "json", '{"ttl":"999"}', '{"ttl":"999"}'],
  ] as const)("is masked where it is: %s -w %s", (command, format, text, expected) => {
    expect(masked(text, command, format)).toBe(expected);
  });
});

describe("what is excused", () => {
  const at = (place: Partial<CellPlace>): CellPlace => ({
    command: "endpoint hashkv",
    line: "endpoint hashkv",
    format: "json",
    etcdctl: "3.4.23",
    ...place,
  });
  const pair = { older: printed('{"hash":1}\n'), newer: printed('{"hash":1,"hash_revision":2}\n') };
  const reconciles = (place: Partial<CellPlace>): boolean => {
    const { older, newer } = reconcile(pair, at(place));
    return same(older, newer);
  };

  it("is excused for the command that it is listed for", () => {
    expect(reconcile(pair, at({})).used.map(({ name }) => name)).toEqual(["hash revision"]);
    expect(reconciles({})).toBe(true);
    expect(reconciles({ command: "get", line: "get" })).toBe(false);
    expect(reconciles({ etcdctl: "3.6.0" })).toBe(false);
  });

  it("is not excused in another format, line or place", () => {
    const older = printed('"Revision" : 0\n"Key" : "a"\n');
    const newer = printed('"Key" : "a"\n');
    const alike = (place: Partial<CellPlace>): boolean => {
      const ends = reconcile({ older, newer }, at(place));
      return same(ends.older, ends.newer);
    };
    expect(alike({ command: "member list", line: "member list", format: "fields" })).toBe(true);
    expect(alike({ command: "member list", line: "member list", format: "simple" })).toBe(false);
    expect(alike({ command: "get", line: "get a", format: "fields" })).toBe(false);
  });

  it("is no wrong value of what is excused", () => {
    const place = at({ command: "defrag", line: "defrag", format: "simple" });
    const older = printed("Finished defragmenting etcd member[a]\n");
    const good = reconcile({ older, newer: printed("Finished defragmenting etcd member[a]. took 1.2ms\n") }, place);
    const bad = reconcile({ older, newer: printed("Finished defragmenting etcd member[a]. took soon\n") }, place);
    expect([same(good.older, good.newer), same(bad.older, bad.newer)]).toEqual([true, false]);
  });

  it("moves lines between streams", () => {
    const line = "e is healthy: successfully committed proposal: took = <DURATION>\n";
    const place = at({ command: "endpoint health", line: "endpoint health", format: "simple" });
    const { older } = reconcile({ older: printed("", line), newer: printed(line) }, place);
    expect(older).toEqual(printed(line));
  });
});

describe("what is missed", () => {
  it("is told for each command and format without a cell that shows it", () => {
    const shown = [
      { command: "get", format: "simple" },
      { command: "get", format: "json" },
      { command: "get", format: "table" },
      { command: "check perf", format: "simple" },
    ] as const;
    expect(missingCells(["get", "check perf"], shown)).toEqual(["no scene shows 'get -w fields'"]);
    expect(missingCells(["put"], shown)).toHaveLength(4);
  });

  it("is found by the command that a line calls", () => {
    const names = ["get", "lease", "lease list", "auth status"];
    expect(commandOf(step("--user=root:pw auth status"), names)).toBe("auth status");
    expect(commandOf(step("--write-out simple get a"), names)).toBe("get");
    expect(commandOf(step("lease list"), names)).toBe("lease list");
    expect(commandOf(step("mem list"), names)).toBe("");
  });
});

describe("tables", () => {
  it("have the same cells in both drawings", () => {
    const light = "┌────┬────┐\n│ ID │  A │\n├────┼────┤\n│  1 │ no │\n└────┴────┘\n";
    const ascii = "+----+----+\n| ID | A  |\n+----+----+\n|  1 | no |\n+----+----+\n";
    expect(tableCells(light)).toBe("ID | A\n1 | no\n");
    expect(tableCells(ascii)).toBe(tableCells(light));
  });

  it("of a page are read as they were written", () => {
    const cell = (line: string, format: Format): CtlCell => ({
      scene: "one",
      command: "get",
      line,
      format,
      outcome: "same",
      shows: true,
    });
    const cells = [
      cell(lineOf(step("get a|b")), "simple"),
      cell(lineOf(step("get a|b")), "fields"),
      cell("put", "simple"),
      cell("put", "simple"),
    ];
    const report = { suite: "ctl", figure: "4 outputs", failures: [], etcdctl: "3.4.23", cells, changes: [] } as const;
    const rows = tableRows(cells);
    expect(rows).toHaveLength(3);
    expect(rowsOfPage(ctlTable([report]), "3.4.23")).toEqual(rows);
  });
});
