import { describe, expect, it } from "@jest/globals";
import protobuf from "protobufjs";
import { ERRORS, GATEWAY_METHODS, METHODS } from "../src/index.ts";
import { reflection } from "./reflection.ts";

describe("METHODS", () => {
  it("lists every method of the .proto files with its types and its kind", () => {
    for (const { service, method, path, kind, request, response } of METHODS) {
      const declared = reflection.lookupService(service).methods[method];

      expect(path).toBe(`/${service}/${method}`);
      const requestStream = kind === "clientStream" || kind === "bidi";
      const responseStream = kind === "serverStream" || kind === "bidi";
      declared?.resolve();
      expect([path, declared?.requestStream ?? false, declared?.responseStream ?? false]).toEqual([
        path,
        requestStream,
        responseStream,
      ]);
      expect(declared?.resolvedRequestType?.fullName).toBe(`.${request.name}`);
      expect(declared?.resolvedResponseType?.fullName).toBe(`.${response.name}`);
    }
    const services = reflection.nestedArray
      .flatMap((space) => (space instanceof protobuf.Namespace ? space.nestedArray : []))
      .filter((nested) => nested instanceof protobuf.Service);
    const declared = services.flatMap((service) => service.methodsArray);
    // Health's service is in a package of three names, deeper than these.
    expect(METHODS.filter(({ service }) => !service.startsWith("grpc."))).toHaveLength(declared.length);
  });
});

describe("GATEWAY_METHODS", () => {
  it("has a path for every method but RangeStream and health", () => {
    const reachable = new Set([...GATEWAY_METHODS.values()].map((method) => method.path));

    expect(METHODS.map((method) => method.path).filter((path) => !reachable.has(path))).toEqual([
      "/etcdserverpb.KV/RangeStream",
      "/grpc.health.v1.Health/Check",
      "/grpc.health.v1.Health/Watch",
    ]);
    expect(GATEWAY_METHODS.get("/v3/kv/lease/leases")?.path).toBe("/etcdserverpb.Lease/LeaseLeases");
  });
});

describe("ERRORS", () => {
  it("has one text for each code, and gRPC codes that exist", () => {
    const texts = Object.values(ERRORS).map((error) => error.message);

    expect(new Set(texts).size).toBe(texts.length);
    for (const { grpcCode } of Object.values(ERRORS)) expect(grpcCode >= 1 && grpcCode <= 16).toBe(true);
  });

  it("shows two errors of etcd's as they reach clients, not as they are declared", () => {
    expect(ERRORS.memberNotEnoughStarted).toEqual({
      grpcCode: 2,
      message: "etcdserver: re-configuration failed due to not enough started members",
    });
    expect(ERRORS.tooManyRequests).toEqual({ grpcCode: 2, message: "etcdserver: too many requests" });
  });

  it("prefixes what comes from etcd's store twice", () => {
    expect(ERRORS.compacted).toEqual({
      grpcCode: 11,
      message: "etcdserver: mvcc: required revision has been compacted",
    });
  });
});
