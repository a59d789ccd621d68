import type { Logger } from "@quorate/base";
import type { GrpcObserver } from "@quorate/grpc";

/**
 * An observer that also warns of unary calls that took longer than `--warning-unary-request-duration`, in etcd's words. The transport
 * has measured each call anyway.
 */
export function observeSlowCalls(observer: GrpcObserver, logger: Logger, thresholdMs: number): GrpcObserver {
  return {
    ...observer,
    callEnded(path, kind, code, tookMs) {
      observer.callEnded?.(path, kind, code, tookMs);
      if (tookMs <= thresholdMs || kind !== "unary") return;
      logger.warn("request stats", { "response type": path, "time spent": `${Math.round(tookMs)}ms`, code });
    },
  };
}
