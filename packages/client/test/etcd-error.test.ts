import { describe, expect, it } from "@jest/globals";
import { ERRORS } from "@quorate/protocol";
import { EtcdError, errorFromReason, errorFromStatus, isEtcdError } from "../src/etcd-error.ts";
import { GrpcStatus } from "../src/grpc-status.ts";

describe("EtcdError", () => {
  it("names every error of the catalogue by its text, whatever status it comes with", () => {
    for (const [code, { grpcCode, message }] of Object.entries(ERRORS)) {
      expect(errorFromStatus(grpcCode, message)).toMatchObject({ code, grpcCode, message });
      expect(errorFromStatus(GrpcStatus.UNKNOWN, message).code).toBe(code);
    }
  });

  it("names failures of the transport", () => {
    const code = (grpcCode: number, message: string) => errorFromStatus(grpcCode, message).code;
    expect(code(GrpcStatus.UNAVAILABLE, "No connection established. Last error: x. Resolution note: ")).toBe(
      "unreachable",
    );
    expect(code(GrpcStatus.UNAVAILABLE, "Connection dropped")).toBe("connectionLost");
    expect(code(GrpcStatus.DEADLINE_EXCEEDED, "Deadline exceeded after 0.1s")).toBe("deadlineExceeded");
    expect(code(GrpcStatus.RESOURCE_EXHAUSTED, "grpc: received message larger than max (3 vs. 2)")).toBe(
      "messageTooLarge",
    );
    expect(code(GrpcStatus.UNIMPLEMENTED, "unknown service x")).toBe("unimplemented");
    expect(code(GrpcStatus.NOT_FOUND, "whatever")).toBe("unrecognized");
  });

  it("says of a failed write that it may have been carried out, unless that is out of the question", () => {
    const may = (grpcCode: number, message: string) => errorFromStatus(grpcCode, message).mayHaveApplied;
    expect(may(GrpcStatus.UNAVAILABLE, "Connection dropped")).toBe(true);
    expect(may(GrpcStatus.UNAVAILABLE, ERRORS.timeout.message)).toBe(true);
    expect(may(GrpcStatus.DEADLINE_EXCEEDED, "Deadline exceeded")).toBe(true);
    // Raised before a write is proposed, and also after one was applied that went over the quota.
    expect(may(GrpcStatus.RESOURCE_EXHAUSTED, ERRORS.noSpace.message)).toBe(true);
    expect(may(GrpcStatus.UNAVAILABLE, "No connection established. Last error: x")).toBe(false);
    expect(may(GrpcStatus.UNAVAILABLE, "Stream refused by server")).toBe(false);
    expect(may(GrpcStatus.PERMISSION_DENIED, ERRORS.permissionDenied.message)).toBe(false);
    expect(may(GrpcStatus.FAILED_PRECONDITION, ERRORS.leaseExist.message)).toBe(false);
  });

  it("reads the reasons of cancelled watches, bare and as Go prints them", () => {
    expect(errorFromReason("rpc error: code = PermissionDenied desc = etcdserver: permission denied")).toMatchObject({
      code: "permissionDenied",
      grpcCode: GrpcStatus.PERMISSION_DENIED,
      message: "etcdserver: permission denied",
    });
    expect(errorFromReason(ERRORS.compacted.message)).toMatchObject({
      code: "compacted",
      grpcCode: GrpcStatus.OUT_OF_RANGE,
    });
    expect(errorFromReason("mvcc: watcher range is empty")).toMatchObject({
      code: "unrecognized",
      grpcCode: GrpcStatus.FAILED_PRECONDITION,
    });
  });

  it("is recognised by what it is, not by its class", () => {
    const error = new EtcdError({ code: "closed", grpcCode: 1, message: "m" });
    expect([isEtcdError(error), isEtcdError(error, "closed"), isEtcdError(error, "aborted")]).toEqual([
      true,
      true,
      false,
    ]);
    expect([isEtcdError(new Error("m")), isEtcdError({ code: "closed" }), isEtcdError(undefined)]).toEqual([
      false,
      false,
      false,
    ]);
  });
});
