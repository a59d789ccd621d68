import { describe, expect, it } from "@jest/globals";
import { encodeConsole, encodeFields, encodeJson, formatTime, type LogLine } from "../../src/node/log/line-encoder.ts";

const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

function line(more: Partial<LogLine>): LogLine {
  return {
    level: "info",
    wallMs: AT,
    caller: "node/main.js:7",
    message: "a message",
    bound: "",
    fields: undefined,
    ...more,
  };
}

describe("log lines", () => {
  it("are JSON with etcd's keys in etcd's order", () => {
    const bound = encodeFields({ "member-id": "8e9e05c52164694d" });
    const text = encodeJson(line({ bound, fields: { took: "3ms", count: 2, ok: true, none: undefined } }));

    expect(text).toBe(
      `{"level":"info","ts":"${formatTime(AT)}","caller":"node/main.js:7","msg":"a message",` +
        '"member-id":"8e9e05c52164694d","took":"3ms","count":2,"ok":true}\n',
    );
  });

  it("leave out an unknown caller", () => {
    expect(Object.keys(JSON.parse(encodeJson(line({ caller: "" }))) as object)).toEqual(["level", "ts", "msg"]);
  });

  it("are tab-separated in console form", () => {
    expect(encodeConsole(line({ fields: { a: 1 } }))).toBe(
      `${formatTime(AT)}\tinfo\tnode/main.js:7\ta message\t{"a":1}\n`,
    );
    expect(encodeConsole(line({ message: "two\nlines" })).split("\n")).toHaveLength(2);
  });

  it.each([
    [0, "2026-01-02T03:04:05.678Z"],
    [120, "2026-01-02T05:04:05.678+0200"],
    [-210, "2026-01-01T23:34:05.678-0330"],
  ])("carry the zone: %d minutes", (minutes, text) => {
    expect(formatTime(AT, minutes)).toBe(text);
  });

  it("take any value without throwing", () => {
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    const fields = {
      big: 2n ** 63n,
      nan: Number.NaN,
      error: new Error("gone"),
      bytes: new Uint8Array(3),
      list: ["a", 1n],
      nothing: null,
      quote: '"\n\u2028',
    };

    expect(JSON.parse(encodeJson(line({ fields })))).toMatchObject({
      big: "9223372036854775808",
      nan: "NaN",
      error: "gone",
      bytes: "3 bytes",
      list: ["a", "1"],
      nothing: null,
      quote: '"\n\u2028',
    });
    expect(JSON.parse(encodeJson(line({ fields: { circular } })))).toHaveProperty("unloggable");
  });

  it("cut values that are too long", () => {
    expect(encodeJson(line({ fields: { value: "x".repeat(100_000) } })).length).toBeLessThan(9000);
  });
});
