import { base64, type GatewayScript, type Json } from "../step.ts";

/** `Watch`: several watchers on one stream, events, progress, cancellation, and how streams end. */
export const watches: GatewayScript = async ({ ask, open }) => {
  const put = async (name: string): Promise<Json> =>
    await ask(`put ${name}`, "/v3/kv/put", { key: base64(name), value: base64("v") });
  const first = await put("w/a");
  const { revision = "1" } = (first["header"] ?? {}) as { revision?: string };
  const stream = open("watch", "/v3/watch");
  stream.send({
    create_request: { key: base64("w/"), range_end: base64("w0"), start_revision: revision, prev_kv: true },
  });
  await stream.lines(2);
  await put("w/a");
  await stream.lines(1);
  await ask("delete", "/v3/kv/deleterange", { key: base64("w/a") });
  await stream.lines(1);
  stream.send({ createRequest: { key: base64("w/b"), filters: ["NODELETE"], watch_id: "9" } });
  await stream.lines(1);
  stream.send({ create_request: { key: base64("w/b"), watch_id: "9" } });
  await stream.lines(1);
  stream.send({ create_request: { key: base64("w/b"), range_end: base64("w/a") } });
  await stream.lines(1);
  stream.send({ cancel_request: { watch_id: "9" } });
  await stream.lines(1);
  stream.send({ progress_request: {} });
  await stream.lines(1);
  stream.close();

  const compacted = open("watch what is compacted", "/v3/watch");
  compacted.send({ create_request: { key: base64("w/a"), start_revision: 2 } });
  await ask("compact", "/v3/kv/compaction", { revision });
  const late = open("watch what was compacted", "/v3/watch");
  late.send({ create_request: { key: base64("w/a"), start_revision: "2" } });
  await late.lines(2);
  compacted.close();
  late.close();

  const timed = open("watch for a while", "/v3/watch", { headers: { "Grpc-Timeout": "300m" } });
  timed.send({ create_request: { key: base64("w/none") } });
  await timed.finish();
  const early = open("watch without a request", "/v3/watch", { headers: { "Grpc-Timeout": "100m" } });
  early.send({});
  await early.finish();
};
