import type { IncomingMessage } from "node:http";

/** Most bytes of a request body that are read and thrown away, and the longest time for them. */
const BODY_BYTES_MAX = 64 * 1024;
const BODY_MS_MAX = 5000;

/**
 * Calls back once the body of a request that asks for none was read and thrown away; or before, when it is long or slow: `isWhole`
 * tells. A connection that is closed while its client still writes is reset, and the client may never see its answer.
 */
export function afterBody(request: IncomingMessage, done: (isWhole: boolean) => void): void {
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  if ((length === undefined || length === "0") && encoding === undefined) {
    done(true);
    return;
  }
  let bytes = 0;
  let isDone = false;
  const finish = (): void => {
    if (isDone) return;
    isDone = true;
    clearTimeout(timer);
    done(request.complete);
  };
  const timer = setTimeout(finish, BODY_MS_MAX);
  request.on("data", (chunk: Uint8Array) => {
    bytes += chunk.length;
    if (bytes <= BODY_BYTES_MAX) return;
    if (isDone) request.destroy();
    else finish();
  });
  request.on("end", finish);
  request.on("error", finish);
}
