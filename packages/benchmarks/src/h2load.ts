import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRangeRequest, decodeRangeResponse, encodeRangeRequest } from "@quorate/protocol";
import { requirePeer } from "@quorate/testkit";
import { runClosedLoop } from "./closed-loop.ts";

const TIMEOUT_MS = 120_000;

/** A load made by nghttp2's h2load: the same request over and over, from a client that costs little. */
export interface H2load {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  readonly streams: number;
  readonly calls: number;
  readonly request: Uint8Array;
}

/** Calls a second. Rejects when a call was not answered, or did not get HTTP status 200. */
export async function runH2load(load: H2load): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "quorate-h2load-"));
  try {
    const body = join(folder, "body");
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(load.request.length, 1);
    writeFileSync(body, Buffer.concat([prefix, load.request]));
    const options = ["-t", "1", "-n", load.calls, "-c", load.connections, "-m", load.streams, "-d", body].map(String);
    const headers = ["-H", "content-type: application/grpc", "-H", "te: trailers"];
    const output = await run(requirePeer("h2load"), [
      ...options,
      ...headers,
      `http://127.0.0.1:${load.port}${load.path}`,
    ]);
    const rate = /finished in .*?, ([\d.]+) req\/s/.exec(output)?.[1];
    if (rate === undefined || !output.includes(`status codes: ${load.calls} 2xx`)) throw new Error(output);
    return Number(rate);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { timeout: TIMEOUT_MS }, (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    );
  });
}

/** The store's revision: h2load does not look at gRPC statuses, but puts that failed would be missing here. */
export async function revisionOf(port: number): Promise<number> {
  let revision = 0;
  const request = encodeRangeRequest(createRangeRequest({ key: Uint8Array.of(0) }));
  await runClosedLoop({
    port,
    path: "/etcdserverpb.KV/Range",
    connections: 1,
    streams: 1,
    calls: 1,
    request: () => request,
    answer: (_slot, bytes, start, end) => {
      revision = decodeRangeResponse(bytes, start, end).header?.revision ?? 0;
    },
  });
  return revision;
}
