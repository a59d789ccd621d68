import { InvariantError, type Logger } from "@quorate/base";
import type { GrpcObserver } from "@quorate/grpc";
import { StorageError } from "@quorate/storage";

/**
 * An observer that also hears what handlers throw. The transport has answered that one call with INTERNAL; but where storage found
 * damage, or an invariant of ours does not hold, nothing may be served from this state any more: `fatal` is called.
 */
export function observeHandlerErrors(
  observer: GrpcObserver,
  logger: Logger,
  fatal: (error: Error) => void,
): GrpcObserver {
  return {
    ...observer,
    handlerError(path, error) {
      logger.error("a request failed unexpectedly", {
        path,
        error: error instanceof Error ? error.message : String(error),
        stack: error instanceof Error ? error.stack : undefined,
      });
      // Without a path it is the transport's own, which has cost a connection and not the state.
      const isOurs = path !== "";
      if (isOurs && (error instanceof StorageError || error instanceof InvariantError)) fatal(error);
    },
  };
}
