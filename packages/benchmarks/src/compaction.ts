import { createCompactionRequest, encodeCompactionRequest } from "@quorate/protocol";
import { unary } from "./unary.ts";

const TIMEOUT_MS = 60_000;

/** Has the server forget all revisions but the newest `kept`; nothing where there are no more. */
export async function compact(port: number, revision: number, kept: number): Promise<void> {
  if (revision <= kept) return;
  const request = encodeCompactionRequest(createCompactionRequest({ revision: revision - kept }));
  await unary(port, "/etcdserverpb.KV/Compact", request, () => undefined, TIMEOUT_MS);
}
