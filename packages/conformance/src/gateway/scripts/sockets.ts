import { base64, type GatewayScript } from "../step.ts";

const CREATE = { create_request: { key: base64("s/a") } };

/** Streams by WebSocket; etcd's proxy answers nothing else. */
export const sockets: GatewayScript = async ({ ask, socket }) => {
  const watching = socket("watch", "/v3/watch");
  await watching.send(CREATE);
  await watching.messages(1);
  await watching.send({ create_request: { key: base64("s/b"), watch_id: "5" } });
  await watching.messages(1);
  await ask("put", "/v3/kv/put", { key: base64("s/b"), value: base64("1") });
  await watching.messages(1);
  await watching.send({ cancel_request: { watch_id: "5" } });
  await watching.messages(1);
  watching.close();

  const keeping = socket("keep alive", "/v3beta/lease/keepalive");
  for (const ID of ["1", "2"]) {
    await keeping.send({ ID });
    await keeping.messages(1);
  }
  keeping.close();
  const unknown = socket("nothing there", "/v3/none");
  await unknown.messages(2);
  unknown.close();
  const bearer = socket("watch with a token", "/v3/watch?method=PUT", { protocols: ["Bearer", "none.1"] });
  await bearer.send(CREATE);
  await bearer.messages(1);
  bearer.close();
  const cookie = socket("watch with a cookie", "/v3/watch", {
    headers: { cookie: "token=none.1", origin: "http://a.test" },
  });
  await cookie.send(CREATE);
  await cookie.messages(1);
  cookie.close();
};
