import { describe, expect, it } from "@jest/globals";
import { CompareResult, CompareTarget } from "@quorate/protocol";
import { parseCompare, parseRequest } from "../../src/online/txn.ts";
import { capturedRun } from "../captured-run.ts";

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();

describe("lines of a transaction", () => {
  it.each([
    ['version("k") = "1"', CompareTarget.VERSION, CompareResult.EQUAL, 1],
    ['ver("k") != "1"', CompareTarget.VERSION, CompareResult.NOT_EQUAL, 1],
    ['create("k") < "2"', CompareTarget.CREATE, CompareResult.LESS, 2],
    ['c("k") > "2"', CompareTarget.CREATE, CompareResult.GREATER, 2],
    ['mod("k") > "-3"', CompareTarget.MOD, CompareResult.GREATER, -3],
    ['lease("k") = "ff"', CompareTarget.LEASE, CompareResult.EQUAL, 255n],
  ])("compares: %s", (line, target, result, expected) => {
    const compare = parseCompare(line);
    expect([compare.target, compare.result, text(compare.key)]).toEqual([target, result, "k"]);
    expect(compare.version ?? compare.createRevision ?? compare.modRevision ?? compare.lease).toBe(expected);
  });

  it("compares values with Go's escapes", () => {
    const compare = parseCompare('value("a \\"b\\"") = "x\\ty"');
    expect([text(compare.key), text(compare.value)]).toEqual(['a "b"', "x\ty"]);
  });

  it.each([
    ["nothing", "malformed comparison: nothing"],
    ["mod(k) > 0", 'malformed comparison: mod(k) > 0; got mod("")  ""'],
    ['mod("k") > 0', 'malformed comparison: mod("k") > 0; got mod("k") > ""'],
    ['size("k") > "0"', 'malformed comparison: size("k") > "0" (unknown target size)'],
    ['mod("k") > "x"', 'invalid txn compare request: mod("k") > "x"'],
  ])("refuses the comparison %s", (line, message) => {
    expect(() => parseCompare(line)).toThrow(message);
  });

  it("reads requests with their flags", async () => {
    const put = await parseRequest("put 'a b' \"c\\nd\" --prev-kv");
    expect([text(put.requestPut?.key), text(put.requestPut?.value), put.requestPut?.prevKv]).toEqual([
      "a b",
      "c\nd",
      true,
    ]);
    const get = await parseRequest("get a --prefix --limit 3");
    expect([text(get.requestRange?.rangeEnd), get.requestRange?.limit]).toEqual(["b", 3]);
    const del = await parseRequest("del a c");
    expect(text(del.requestDeleteRange?.rangeEnd)).toBe("c");
  });

  it.each([
    ["watch a", "invalid txn request: watch a"],
    ["put", "invalid txn compare request: put"],
    ["get a --nope", "invalid txn request: get a --nope"],
  ])("refuses the request %s", async (line, message) => {
    await expect(parseRequest(line)).rejects.toThrow(message);
  });

  it("prompts in interactive mode and ends with 3 at the end of input", async () => {
    expect(await capturedRun(["txn", "-i"], { stdin: 'mod("a") > "0"\n\nput a b\n\nput a c' })).toEqual({
      code: 3,
      stdout: "compares:\nsuccess requests (get, put, del):\nfailure requests (get, put, del):\n",
      stderr: "Error: EOF\n",
    });
  });
});
