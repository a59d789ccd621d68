import { describe, expect, it } from "@jest/globals";
import { grpcCodeName, grpcCodeNamed } from "../src/grpc-code-names.ts";
import { goJsonText } from "../src/json/go-json.ts";

describe("names of gRPC's codes", () => {
  it("are found by number and the other way round", () => {
    expect([0, 5, 14, 16].map(grpcCodeName)).toEqual(["OK", "NotFound", "Unavailable", "Unauthenticated"]);
    expect(["OK", "NotFound", "Unavailable", "Unauthenticated"].map(grpcCodeNamed)).toEqual([0, 5, 14, 16]);
  });

  it("have a form for what gRPC does not define", () => {
    expect(grpcCodeName(17)).toBe("Code(17)");
    expect(grpcCodeNamed("Nonsense")).toBe(2);
  });
});

describe("JSON as Go writes it", () => {
  it("escapes what means something in HTML", () => {
    expect(goJsonText('<a>&\u2028\u2029ä"')).toBe(String.raw`"\u003ca\u003e\u0026\u2028\u2029ä\""`);
  });
});
