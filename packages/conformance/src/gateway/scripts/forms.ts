import type { GatewayScript } from "../step.ts";

const RANGE = "/v3/kv/range";

/** Bodies that decoders take or refuse; refused with etcd 3.7's words. */
const BODIES: readonly string[] = [
  "",
  " \n",
  "{}",
  "hello",
  "{",
  '{"key":',
  '{"key" 1}',
  "{'key':1}",
  '{"key":"YQ=="} trailing',
  '{"key":"YQ==",}',
  '{"key":"YQ=="}{"key":"Yg=="}',
  "[]",
  "[1",
  "12",
  '"a"',
  "null",
  "true",
  "nul",
  '{"key":"*"}',
  '{"key":"YQ"}',
  '{"key":"-_8="}',
  '{"key":"-_+="}',
  '{"key":"Y"}',
  '{"key":1}',
  '{"key":null}',
  '{"key":"YQ==","limit":"1"}',
  '{"key":"YQ==","limit":1e2}',
  '{"key":"YQ==","limit":1.5}',
  '{"key":"YQ==","limit":"x"}',
  '{"key":"YQ==","limit":true}',
  '{"key":"YQ==","limit":9223372036854775808}',
  '{"key":"YQ==","serializable":"true"}',
  '{"key":"YQ==","serializable":1}',
  '{"key":"YQ==","sort_order":"ASCEND","unknown":{"a":[1,{"b":"}"}]}}',
  '{"key":"YQ==","sort_order":[]}',
  '{"\\u006bey":"YQ=="}',
  '{"key":"\\u0059Q=="}',
  '{"key":"\\x"}',
  '{"key":"a\tb"}',
  `${"[".repeat(10_001)}`,
];

/** How requests may look: bodies, headers, paths and methods. */
export const forms: GatewayScript = async ({ ask }) => {
  for (const body of BODIES) await ask(`body ${body.slice(0, 60)}`, RANGE, body);
  await ask("body of a stream that is none", "/v3/lease/keepalive", "hello");
  await ask("body of a stream with one request", "/v3/maintenance/snapshot", "hello");
  const key = '{"key":"YQ=="}';
  for (const type of ["application/json", "text/plain", "application/x-www-form-urlencoded", "application/grpc"]) {
    await ask(`type ${type}`, RANGE, key, { headers: { "Content-Type": type } });
  }
  for (const timeout of ["1S", "1000m", "100000u", "0S", "1", "S", "x", "-1S"]) {
    await ask(`timeout ${timeout}`, RANGE, key, { headers: { "Grpc-Timeout": timeout } });
  }
  await ask("insisting on a leader", RANGE, key, { headers: { "Grpc-Metadata-Hasleader": "true" } });
  for (const method of ["GET", "PUT", "DELETE", "OPTIONS"]) await ask(`${method} of a path`, RANGE, "", { method });
  for (const path of [
    "/v3/none",
    "/v3/",
    "/v3/kv",
    "/v3/kv/range/",
    "/v3/kv/range:x",
    "/v3/KV/range",
    "/v3alpha/kv/range",
  ]) {
    await ask(`POST ${path}`, path, key);
    await ask(`GET ${path}`, path, "", { method: "GET" });
  }
  await ask("the path of before", "/v3beta/kv/range", key);
  await ask("an escaped path", "/v3/kv/%72ange?a=b", key);
  await ask("a value that is too large", "/v3/kv/put", `{"key":"YQ==","value":"${"A".repeat(2_900_000)}"}`);
  await ask(
    "a value that is too large to be proposed",
    "/v3/kv/put",
    `{"key":"YQ==","value":"${"A".repeat(2_400_000)}"}`,
  );
};

/** The other endpoints of the client URL. */
export const endpoints: GatewayScript = async ({ ask }) => {
  const get = { method: "GET" };
  for (const path of ["/health", "/health?serializable=true", "/health?exclude=NOSPACE"])
    await ask(`GET ${path}`, path, "", get);
  const probes = [
    "/livez",
    "/readyz",
    "/readyz?exclude=data_corruption",
    "/livez/serializable_read",
    "/readyz/linearizable_read",
  ];
  for (const path of [...probes, "/livez?verbose", "/readyz/data_corruption?verbose"])
    await ask(`GET ${path}`, path, "", get);
  for (const path of ["/health", "/livez", "/readyz", "/version", "/debug/vars"]) {
    for (const method of ["POST", "PUT"]) await ask(`${method} ${path}`, path, "", { method });
  }
  for (const path of ["/", "/v2/keys", "/config", "/members", "/livez/none", "/none"])
    await ask(`GET ${path}`, path, "", get);
  await ask("HEAD /metrics", "/metrics", "", { method: "HEAD" });
  await ask("GET /debug/vars", "/debug/vars", "", get);
  for (const path of ["//health", "/v3/kv//range", "/livez/../version?a=b", "/v3", "/v3/x/", "/%zz"]) {
    for (const method of ["GET", "POST"]) await ask(`${method} moved ${path}`, path, "", { method });
  }
  await ask("OPTIONS /none", "/none", "", { method: "OPTIONS" });
};
