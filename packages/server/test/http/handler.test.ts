import { once } from "node:events";
import { type IncomingHttpHeaders, request } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { NO_LOGGER } from "@quorate/base";
import { parseUrls } from "../../src/node/config/endpoint-url.ts";
import {
  createHttpHandler,
  type HttpHandlerOptions,
  type HttpListener,
  listenHttp,
} from "../../src/node/http/index.ts";
import { PrometheusMetrics, serverMetrics } from "../../src/node/metrics/index.ts";
import { FakeSource } from "./fake-source.ts";

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
}

let source: FakeSource;
let metrics: PrometheusMetrics;
let listener: HttpListener;

async function start(more: Partial<HttpHandlerOptions> = {}): Promise<void> {
  source = new FakeSource();
  metrics = new PrometheusMetrics();
  const handler = createHttpHandler({
    source,
    healthMetrics: serverMetrics(metrics).health,
    exposition: () => metrics.exposition(),
    logger: NO_LOGGER,
    surface: "client",
    enablePprof: false,
    readTimeoutMs: 5000,
    cors: ["*"],
    hostWhitelist: ["*"],
    ...more,
  });
  const parsed = parseUrls("http://127.0.0.1:0");
  const [url] = "value" in parsed ? parsed.value : [];
  if (url === undefined) throw new Error("the URL is valid");
  listener = await listenHttp([url], handler);
}

async function restart(more: Partial<HttpHandlerOptions>): Promise<void> {
  await listener.close(0);
  await start(more);
}

function ask(path: string, method = "GET", headers: Record<string, string> = {}, body = ""): Promise<Answer> {
  const port = Number(listener.address.split(":").pop());
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", port, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const bytes = Buffer.concat(chunks);
        resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes, text: bytes.toString() });
      });
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

beforeEach(() => start());
afterEach(() => listener.close(0));

describe("/health", () => {
  it("says healthy in etcd's bytes", async () => {
    const answer = await ask("/health");

    expect([answer.status, answer.text]).toEqual([200, '{"health":"true","reason":""}']);
    expect(answer.headers["content-type"]).toBe("text/plain; charset=utf-8");
    expect(answer.headers["x-content-type-options"]).toBeUndefined();
    expect(source.reads).toEqual(["linearizable"]);
  });

  it.each([
    ["an alarm", "ALARM NOSPACE", (s: FakeSource) => s.raised.push({ memberId: 1n, kind: "NOSPACE" })],
    ["an unknown alarm", "ALARM UNKNOWN", (s: FakeSource) => s.raised.push({ memberId: 1n, kind: "UNKNOWN" })],
    ["no leader", "RAFT NO LEADER", (s: FakeSource) => Object.assign(s, { leader: false })],
    [
      "a failed read",
      "RANGE ERROR:etcdserver: request timed out",
      (s: FakeSource) => Object.assign(s, { linearizableError: "etcdserver: request timed out" }),
    ],
  ])("is unhealthy with %s", async (_what, reason, spoil) => {
    spoil(source);

    const answer = await ask("/health");

    expect([answer.status, answer.text]).toEqual([503, `{"health":"false","reason":"${reason}"}\n`]);
    expect(answer.headers["x-content-type-options"]).toBe("nosniff");
  });

  it("overlooks excluded alarms, repeatedly", async () => {
    source.raised = [
      { memberId: 1n, kind: "NOSPACE" },
      { memberId: 1n, kind: "CORRUPT" },
    ];

    expect((await ask("/health?exclude=NOSPACE")).text).toBe('{"health":"false","reason":"ALARM CORRUPT"}\n');
    expect((await ask("/health?exclude=NOSPACE&exclude=CORRUPT")).status).toBe(200);
  });

  it("asks this member alone when serializable=true", async () => {
    source.leader = false;

    expect((await ask("/health?serializable=true")).status).toBe(200);
    expect((await ask("/health?serializable=1")).status).toBe(503);
    expect(source.reads).toEqual(["serializable"]);
  });

  it("gives up on a read that does not come back", async () => {
    await restart({ readTimeoutMs: 1 });
    source.hangs = true;

    expect((await ask("/health")).text).toBe('{"health":"false","reason":"RANGE ERROR:context deadline exceeded"}\n');
  });

  it("counts its answers", async () => {
    await ask("/health");
    source.leader = false;
    await ask("/health");

    const text = (await ask("/metrics")).text;
    expect(text).toContain("\netcd_server_health_success 1\n");
    expect(text).toContain("\netcd_server_health_failures 1\n");
  });
});

describe("/livez and /readyz", () => {
  it("say ok, and with verbose each check", async () => {
    const plain = await ask("/readyz");
    const verbose = await ask("/readyz?verbose");

    expect([plain.status, plain.text, plain.headers["x-content-type-options"]]).toEqual([200, "ok\n", "nosniff"]);
    expect(verbose.text.split("\n").sort()).toEqual(
      [
        "",
        "[+]data_corruption ok",
        "[+]linearizable_read ok",
        "[+]non_learner ok",
        "[+]serializable_read ok",
        "ok",
      ].sort(),
    );
    expect((await ask("/livez?verbose=")).text).toBe("[+]serializable_read ok\nok\n");
  });

  it("name what failed, with one newline more", async () => {
    source.linearizableError = "etcdserver: no leader";

    const answer = await ask("/readyz?exclude=data_corruption&exclude=non_learner&exclude=unknown");

    expect([answer.status, answer.text]).toEqual([
      503,
      "[+]serializable_read ok\n[-]linearizable_read failed: etcdserver: no leader\n\n",
    ]);
    expect((await ask("/livez")).status).toBe(200);
  });

  it.each([
    ["/readyz/data_corruption", "[-]data_corruption failed: alarm activated: CORRUPT\n\n"],
    ["/readyz/non_learner", "[-]non_learner failed: not supported for learner\n\n"],
    ["/readyz/serializable_read", "[-]serializable_read failed: broken\n\n"],
    ["/livez/serializable_read", "[-]serializable_read failed: broken\n\n"],
  ])("answer for one check at %s", async (path, text) => {
    expect((await ask(path)).text).toBe("ok\n");
    source.raised = [{ memberId: 1n, kind: "CORRUPT" }];
    source.learner = true;
    source.serializableError = "broken";

    expect(await ask(path)).toMatchObject({ status: 503, text });
  });

  it("do not mind a full disk", async () => {
    source.raised = [{ memberId: 1n, kind: "NOSPACE" }];

    expect((await ask("/readyz")).status).toBe(200);
  });

  it("know no other checks", async () => {
    for (const path of ["/readyz/", "/readyz/none", "/livez/linearizable_read", "/livez/constructor", "/readyzz"]) {
      expect(await ask(path)).toMatchObject({ status: 404, text: "404 page not found\n" });
    }
  });

  it("record each check in the metrics", async () => {
    await ask("/livez");
    source.serializableError = "broken";
    await ask("/livez");

    const text = (await ask("/metrics")).text;
    expect(text).toContain('\netcd_server_healthcheck{name="serializable_read",type="livez"} 0\n');
    expect(text).toContain(
      '\netcd_server_healthchecks_total{name="serializable_read",status="error",type="livez"} 1\n',
    );
    expect(text).toContain(
      '\netcd_server_healthchecks_total{name="serializable_read",status="success",type="livez"} 1\n',
    );
  });
});

describe("other endpoints", () => {
  it("tell the versions", async () => {
    const answer = await ask("/version");

    expect(answer.headers["content-type"]).toBe("application/json");
    expect(answer.text).toBe('{"etcdserver":"3.7.1","etcdcluster":"3.7.0","storage":"3.7.0"}');
    source.cluster = undefined;
    expect((await ask("/version")).text).toBe('{"etcdserver":"3.7.1","etcdcluster":"not_decided","storage":"unknown"}');
  });

  it("serve metrics as text, compressed when asked", async () => {
    const plain = await ask("/metrics");
    const zipped = await ask("/metrics", "GET", { "accept-encoding": "gzip" });

    expect(plain.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
    expect(zipped.headers["content-type"]).toBe(plain.headers["content-type"]);
    expect(plain.text).toContain("# TYPE etcd_server_has_leader gauge\netcd_server_has_leader 0\n");
    expect(zipped.headers["content-encoding"]).toBe("gzip");
    expect(gunzipSync(zipped.bytes).toString()).toContain("etcd_server_has_leader 0\n");
  });

  it("count their scrapes as promhttp does", async () => {
    const first = (await ask("/metrics")).text;
    const second = (await ask("/metrics")).text;

    expect(first).toContain('\npromhttp_metric_handler_requests_total{code="200"} 0\n');
    expect(first).toContain("\npromhttp_metric_handler_requests_in_flight 1\n");
    expect(second).toContain('\npromhttp_metric_handler_requests_total{code="200"} 1\n');
    expect(second).toContain('\npromhttp_metric_handler_requests_total{code="500"} 0\n');
    await restart({ exposition: () => Promise.reject(new Error("broken")) });
    expect((await ask("/metrics")).status).toBe(500);
    expect(await metrics.exposition()).toContain('\npromhttp_metric_handler_requests_total{code="500"} 1\n');
    expect(await metrics.exposition()).toContain("\npromhttp_metric_handler_requests_in_flight 0\n");
  });

  it("collect the metrics once for scrapes that come together", async () => {
    let collected = 0;
    let release: (text: string) => void = () => {};
    const text = new Promise<string>((resolve) => {
      release = resolve;
    });
    await restart({
      exposition: () => {
        collected++;
        return text;
      },
    });

    const scrapes = Promise.all([ask("/metrics"), ask("/metrics"), ask("/metrics").finally(() => {})]);
    await ask("/version");
    release("x 1\n");

    expect((await scrapes).map((answer) => answer.text)).toEqual(["x 1\n", "x 1\n", "x 1\n"]);
    expect(collected).toBe(1);
  });

  it("show variables as expvar does", async () => {
    const answer = await ask("/debug/vars");

    expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
    expect(answer.text.startsWith('{\n"cmdline": [')).toBe(true);
    expect(answer.text.endsWith("\n}\n")).toBe(true);
    expect(JSON.parse(answer.text)).toMatchObject({
      "raft.status": { id: "8e9e05c52164694d", raftState: "StateLeader" },
      file_descriptor_limit: expect.any(Number),
    });
  });

  it("profile under their flag alone", async () => {
    expect((await ask("/debug/pprof/")).status).toBe(404);
    await restart({ enablePprof: true });

    expect((await ask("/debug/pprof/")).status).toBe(200);
    expect((await ask("/debug/pprof/none")).status).toBe(404);
    const profile = await ask("/debug/pprof/profile?seconds=0.01");
    expect(JSON.parse(profile.text)).toHaveProperty("nodes");
  });

  it("answer 405 to all but GET", async () => {
    for (const path of ["/health", "/livez", "/readyz/non_learner", "/version", "/debug/vars"]) {
      for (const method of ["POST", "HEAD", "DELETE"]) {
        const answer = await ask(path, method);

        expect({ path, method, status: answer.status, allow: answer.headers.allow }).toEqual({
          path,
          method,
          status: 405,
          allow: "GET",
        });
        expect(answer.text).toBe(method === "HEAD" ? "" : "Method Not Allowed\n");
      }
    }
    expect((await ask("/metrics", "POST")).status).toBe(200);
  });

  it("send on what is no clean path, as Go's ServeMux does", async () => {
    const answer = await ask("//health?exclude=NOSPACE");
    expect([answer.status, answer.headers.location, answer.headers["content-type"], answer.text]).toEqual([
      307,
      "/health?exclude=NOSPACE",
      "text/html; charset=utf-8",
      '<a href="/health?exclude=NOSPACE">Temporary Redirect</a>.\n\n',
    ]);
    for (const [path, location] of [
      ["/v3/kv/../kv/./range", "/v3/kv/range"],
      ["/a//b/", "/a/b/"],
      ["/..", "/"],
      ["/%2e%2e/health", "/health"],
      ["//evil.example/%22%3e", "/evil.example/%22%3E"],
    ] as const) {
      const moved = await ask(path, "POST");
      expect([path, moved.status, moved.headers.location, moved.text]).toEqual([path, 307, location, ""]);
    }
    expect((await ask("/.well-known/..x/...")).status).toBe(404);
  });

  it("answer 404 to what is not there", async () => {
    for (const path of ["/", "/v3/kv/range", "/v2/keys", "/members", "/config", "/health/"]) {
      expect(await ask(path)).toMatchObject({ status: 404, text: "404 page not found\n" });
    }
  });

  it("are metrics and health alone on a metrics listener", async () => {
    await restart({ surface: "metrics", hostWhitelist: ["a"] });

    expect([(await ask("/metrics")).status, (await ask("/health")).status, (await ask("/readyz")).status]).toEqual([
      200, 200, 200,
    ]);
    expect([(await ask("/version")).status, (await ask("/debug/vars")).status]).toEqual([404, 404]);
  });
});

describe("access to the client endpoints", () => {
  it("is refused to hosts not listed, before anything else", async () => {
    await restart({ hostWhitelist: ["good.example", "::1"] });

    expect((await ask("/version", "GET", { host: "good.example:2379" })).status).toBe(200);
    expect((await ask("/version", "GET", { host: "[::1]:2379" })).status).toBe(200);
    const refused = await ask("/version", "OPTIONS", { host: "evil.example" });
    expect(refused.status).toBe(421);
    expect(refused.text).toMatch(/^\netcd received your request, but the Host header was unrecognized\./);
  });

  it("that are refused are answered whatever they bring along", async () => {
    await restart({ hostWhitelist: ["known"] });
    for (const method of ["GET", "POST"]) {
      expect((await ask("/v3/kv/range", method, { host: "evil" }, '{"key":"aw=="}')).status).toBe(421);
    }
    expect((await ask("/health", "OPTIONS", { host: "known" }, "body")).status).toBe(200);
  });

  it("is told to browsers by CORS headers", async () => {
    expect((await ask("/version")).headers["access-control-allow-origin"]).toBe("*");
    await restart({ cors: ["http://a:1"] });

    const allowed = await ask("/version", "GET", { origin: "http://a:1" });
    const other = await ask("/version", "GET", { origin: "http://b:1" });
    expect(allowed.headers["access-control-allow-origin"]).toBe("http://a:1");
    expect(allowed.headers["access-control-allow-headers"]).toBe("accept, content-type, authorization");
    expect(other.headers["access-control-allow-origin"]).toBeUndefined();
  });

  it("answers OPTIONS with nothing", async () => {
    expect(await ask("/anything", "OPTIONS")).toMatchObject({ status: 200, text: "" });
  });
});

describe("hostile requests", () => {
  it("with a body get their answer behind it, also where they are refused and the connection ends then", async () => {
    await restart({ hostWhitelist: ["known"] });
    const port = Number(listener.address.split(":").pop());
    const socket = connect(port, "127.0.0.1");
    let answer = "";
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString();
    });
    const ended = new Promise<void>((resolve, reject) => {
      socket.on("end", resolve);
      socket.on("error", reject);
    });
    socket.write("POST /v3/kv/range HTTP/1.1\r\nHost: unknown\r\nConnection: close\r\nContent-Length: 4\r\n\r\nab");
    // Another request that was sent later is answered: the first one has been seen.
    expect((await ask("/version", "GET", { host: "known" })).status).toBe(200);
    expect(answer).toBe("");
    socket.write("cd");
    await ended;
    expect(answer).toMatch(/^HTTP\/1\.1 421 /);
    socket.destroy();
  });

  it("end after a little of a body that nobody asked for", async () => {
    const answer = await ask("/version", "GET", {}, "x".repeat(1000));
    expect(answer).toMatchObject({ status: 200 });

    const port = Number(listener.address.split(":").pop());
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write("GET /none HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
    let sent = 0;
    const chunk = "y".repeat(16384);
    await new Promise<void>((resolve) => {
      socket.on("close", () => resolve());
      const more = (error?: Error | null): void => {
        if (error || sent > 50_000_000) return;
        sent += chunk.length;
        socket.write(chunk, more);
      };
      more();
    });
    expect(sent).toBeLessThan(50_000_000);
  });

  it("with headers too large are refused", async () => {
    expect((await ask("/version", "GET", { "x-large": "z".repeat(20_000) })).status).toBe(431);
  });

  it("with odd targets are answered", async () => {
    expect(await ask("/%zz")).toMatchObject({ status: 400, text: "400 Bad Request" });
    for (const path of ["//", "/%ff", "/?%%%=&&", "/health?exclude", "http://other/version"]) {
      expect((await ask(path)).status).toBeLessThan(500);
    }
    expect((await ask("http://other/version")).status).toBe(200);
  });
});

describe("listenHttp", () => {
  it("takes HTTP/2 without TLS for the plain text it is", async () => {
    await restart({ hostWhitelist: ["known"] });
    const session = connectHttp2(`http://${listener.address}`);
    const stream = session.request({ ":path": "/version" });
    stream.resume();
    const [headers] = (await once(stream, "response")) as [IncomingHttpHeaders];
    session.close();

    expect(headers[":status"]).toBe(421);
  });

  it("names the URL it cannot listen on", async () => {
    const parsed = parseUrls(`http://${listener.address}`);
    const [url] = "value" in parsed ? parsed.value : [];
    if (url === undefined) throw new Error("the URL is valid");

    await expect(listenHttp([url], { serve: () => {}, webSockets: undefined })).rejects.toThrow(
      `cannot listen on http://${listener.address}: listen EADDRINUSE`,
    );
  });
});
