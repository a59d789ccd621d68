import { base64, type GatewayScript } from "../step.ts";

const KEY = base64("a");
const INSISTING = { headers: { "Grpc-Metadata-Hasleader": "true" } };
const BRIEF = { headers: { "Grpc-Timeout": "300m" } };
const GET = { method: "GET" };

/** What a member answers that knows no leader. */
export const noLeader: GatewayScript = async ({ ask, open }) => {
  await ask("read insisting on a leader", "/v3/kv/range", { key: KEY }, INSISTING);
  await ask("put insisting on a leader", "/v3/kv/put", { key: KEY }, INSISTING);
  await ask("grant insisting on a leader", "/v3/lease/grant", { TTL: "100" }, INSISTING);
  await ask("keep alive insisting on a leader", "/v3/lease/keepalive", { ID: "1" }, INSISTING);
  await ask("read here", "/v3/kv/range", { key: KEY, serializable: true });
  await ask("read here insisting", "/v3/kv/range", { key: KEY, serializable: true }, INSISTING);
  await ask("read for a while", "/v3/kv/range", { key: KEY }, BRIEF);
  await ask("put for a while", "/v3/kv/put", { key: KEY, value: KEY }, BRIEF);
  const refused = open("watch insisting on a leader", "/v3/watch", INSISTING);
  refused.send({ create_request: { key: KEY } });
  await refused.lines(2);
  refused.close();
  const watching = open("watch here", "/v3/watch", BRIEF);
  watching.send({ create_request: { key: KEY } });
  await watching.finish();
  await ask("members here", "/v3/cluster/member/list", {});
  await ask("health", "/health", "", GET);
  await ask("health here", "/health?serializable=true", "", GET);
  await ask("livez", "/livez", "", GET);
  await ask("readyz here", "/readyz/serializable_read", "", GET);
};

/** A watch that insists on a leader while there is one. */
export async function watchInsisting({ open }: Parameters<GatewayScript>[0]): Promise<ReturnType<typeof open>> {
  const stream = open("watch that loses its leader", "/v3/watch", INSISTING);
  stream.send({ create_request: { key: KEY } });
  await stream.lines(1);
  return stream;
}
