import { describe, expect, it } from "@jest/globals";
import { EtcdCallError, KubeError } from "../../src/core/index.ts";

describe("errors of the ports", () => {
  it("tell by a field what the controllers branch on, never by their text", () => {
    const conflict = new KubeError("Conflict", "the object has been modified");
    const lost = new EtcdCallError("Unreachable", "no answer within 3 s", true);

    expect(conflict).toMatchObject({ name: "KubeError", reason: "Conflict", message: "the object has been modified" });
    expect(lost).toMatchObject({ name: "EtcdCallError", code: "Unreachable", mayHaveApplied: true });
  });
});
