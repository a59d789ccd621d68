import { describe, expect, it } from "@jest/globals";
import { crc32c } from "@quorate/base";
import { hashBackend } from "../src/backend-hash.ts";
import { MapBackend } from "../src/testing/map-backend.ts";
import { bytes } from "./requests.ts";

function hashOf(backend: MapBackend): number {
  let answer: number | undefined;
  hashBackend(backend, (error, hash) => {
    if (error !== undefined) throw error;
    answer = hash;
  });
  backend.runScans();
  if (answer === undefined) throw new Error("the hash was not answered");
  return answer;
}

describe("hashBackend", () => {
  it("covers every bucket in name order, names, keys and values", () => {
    const backend = new MapBackend();
    backend.put("meta", bytes("confState"), bytes("{}"));
    backend.put("alarm", bytes("A"), bytes(""));
    backend.putRevision(2, 0, false, bytes("kv"));
    backend.putRevision(3, 0, true, bytes("t"));

    const all =
      "alarmAauthauthRolesauthUserscluster" +
      "key\0\0\0\0\0\0\0\x02_\0\0\0\0\0\0\0\0kv\0\0\0\0\0\0\0\x03_\0\0\0\0\0\0\0\0tt" +
      "leasemembersmembers_removedmetaconfState{}";
    expect(hashOf(backend)).toBe(crc32c(0, bytes(all)));
  });

  it("leaves out what may differ between equal members", () => {
    const backend = new MapBackend();
    const before = hashOf(backend);
    for (const key of ["consistent_index", "term", "storageVersion"]) backend.put("meta", bytes(key), bytes("1"));

    expect(hashOf(backend)).toBe(before);
    backend.put("lease", bytes("term"), bytes("1"));
    expect(hashOf(backend)).not.toBe(before);
  });

  it("reads over pages and reports a failure", () => {
    const backend = new MapBackend();
    for (let i = 2; i < 700; i++) backend.putRevision(i, 0, false, bytes(`v${i}`));
    const before = hashOf(backend);
    backend.putRevision(699, 0, false, bytes("other"));
    expect(hashOf(backend)).not.toBe(before);

    backend.failScans(new Error("broken"));
    expect(() => hashOf(backend)).toThrow("broken");
  });
});
