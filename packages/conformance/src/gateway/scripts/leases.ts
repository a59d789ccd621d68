import { base64, type GatewayScript } from "../step.ts";

/** `Lease`, by all paths. */
export const leases: GatewayScript = async ({ ask, open }) => {
  await ask("grant", "/v3/lease/grant", { TTL: "1000", ID: "77" });
  await ask("grant by numbers", "/v3/lease/grant", { TTL: 1000, ID: 78 });
  await ask("grant without an ID", "/v3/lease/grant", { TTL: 1000 });
  await ask("grant again", "/v3/lease/grant", { TTL: "1000", ID: "77" });
  await ask("grant for too long", "/v3/lease/grant", { TTL: "9000000001" });
  await ask("attach", "/v3/kv/put", { key: base64("l/a"), value: base64("1"), lease: "77" });
  await ask("attached", "/v3/kv/range", { key: base64("l/a") });
  await ask("time to live", "/v3/lease/timetolive", { ID: "77", keys: true });
  await ask("time to live of none", "/v3/kv/lease/timetolive", { ID: "79" });
  await ask("keep alive", "/v3/lease/keepalive", '{"ID":"77"}');
  await ask("keep several alive", "/v3/lease/keepalive", '{"ID":"77"} {"ID":78}\n{"ID":"79"}');
  await ask("keep nothing alive", "/v3/lease/keepalive", "");
  const stream = open("keep alive bit by bit", "/v3/lease/keepalive");
  stream.send({ ID: "77" });
  await stream.lines(1);
  stream.send({ ID: "78" });
  await stream.lines(1);
  await stream.finish();
  await ask("revoke", "/v3/lease/revoke", { ID: "77" });
  await ask("revoke by the other path", "/v3/kv/lease/revoke", { ID: "78" });
  await ask("revoke none", "/v3/lease/revoke", { ID: "78" });
  await ask("gone", "/v3/kv/range", { key: base64("l/a") });
  await ask("leases", "/v3/lease/leases", {});
  await ask("leases by the other path", "/v3/kv/lease/leases", "");
};
