/**
 * TLS towards clients and between members: the server under test with the real etcdctl, grpc-js and HTTPS, beside and against real
 * etcd. Certificates are made for the test.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { request as plainRequest } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { request } from "node:https";
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { connect as connectTls, type SecureVersion } from "node:tls";
import { credentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import {
  EtcdCluster,
  EtcdNode,
  freePorts,
  type IssuedPair,
  initialClusterOf,
  type ListedMember,
  type NodeTls,
  type PeerName,
  requirePeer,
  type TemporaryDirectory,
  TestAuthority,
  temporaryDirectory,
  waitUntil,
} from "@quorate/testkit";
import { peerProgram } from "../src/command-line.ts";
import { EtcdApi, type Message } from "../src/etcd-api.ts";
import { peerSuite } from "./peer-suite.ts";

const KEY = Buffer.from("k");
const ROTATIONS = 20;
const UNAVAILABLE = 14;
const RETRY_MS = 50;

/** A user for each of two names; then users count. */
const USERS: ReadonlyArray<readonly [method: string, message: Message]> = [
  ["Auth/UserAdd", { name: "root", options: { no_password: true } }],
  ["Auth/RoleAdd", { name: "root" }],
  ["Auth/UserGrantRole", { user: "root", role: "root" }],
  ["Auth/UserAdd", { name: "alice", options: { no_password: true } }],
  ["Auth/RoleAdd", { name: "keeper" }],
  ["Auth/RoleGrantPermission", { name: "keeper", perm: { permType: 2, key: KEY } }],
  ["Auth/UserGrantRole", { user: "alice", role: "keeper" }],
  ["Auth/AuthEnable", {}],
];
const CALLS_OF_USERS: ReadonlyArray<readonly [method: string, message: Message]> = [
  ["KV/Put", { key: KEY }],
  ["KV/Put", { key: Buffer.from("other") }],
  ["KV/Range", { key: KEY }],
  ["Auth/UserList", {}],
  ["Lease/LeaseGrant", { TTL: 100 }],
];

let directory: TemporaryDirectory;
let authority: TestAuthority;
let stranger: TestAuthority;
let server: IssuedPair;
let alice: IssuedPair;
let mutual: NodeTls;

beforeAll(async () => {
  directory = temporaryDirectory("quorate-tls-");
  authority = await TestAuthority.create(directory.path);
  stranger = await TestAuthority.create(directory.path, "other-ca");
  server = await authority.issue("server");
  alice = await authority.issue("alice", { hosts: ["client.test"] });
  mutual = { ...server, trustedCaFile: authority.caFile, clientCertAuth: true };
});
afterAll(() => directory.remove());

function api(node: EtcdNode, pair: Pick<IssuedPair, "certificate" | "key"> = alice): EtcdApi {
  const own = [Buffer.from(pair.key), Buffer.from(pair.certificate)] as const;
  return new EtcdApi(node.endpoint, credentials.createSsl(Buffer.from(authority.certificate), ...own));
}

async function etcdctl(peer: PeerName, args: readonly string[]): Promise<string> {
  const child = spawn(requirePeer(peer), ["--dial-timeout=2s", "--command-timeout=3s", ...args], {
    env: { ...process.env, ETCDCTL_API: "3" },
  });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return `${output}${errors}`;
}

function shown({ certFile, keyFile }: IssuedPair): readonly string[] {
  return [`--cacert=${authority.caFile}`, `--cert=${certFile}`, `--key=${keyFile}`];
}

/** Status and body of a GET; the error's code where there is none. */
async function get(url: string, options: object = {}): Promise<string> {
  return await new Promise((resolve) => {
    const outgoing = request(url, { ca: authority.certificate, agent: false, ...options }, (response) => {
      text(response).then((body) => resolve(`${response.statusCode} ${body}`), reject);
    });
    const reject = (error: Error & { readonly code?: string }): void => resolve(error.code ?? error.message);
    outgoing.on("error", reject);
    outgoing.end();
  });
}

/** etcd's gateway takes requests without this for its own, and they are then its own certificate's. */
const ANY = { accept: "*/*" };

/** Its JSON has spaces in it, at random. */
function withoutSpaces(body: string): string {
  return body.startsWith("{") ? JSON.stringify(JSON.parse(body)) : body;
}

type Shown = { readonly cert?: string; readonly key?: string };

/** Status and body of a POST. */
async function post(node: EtcdNode, path: string, body: string, own: Shown): Promise<string> {
  return await new Promise((resolve, reject) => {
    const options = { method: "POST", ca: authority.certificate, agent: false, headers: ANY, ...own };
    const outgoing = request(`${node.clientUrl}${path}`, options, (response) => {
      text(response).then((answer) => resolve(`${response.statusCode} ${withoutSpaces(answer)}`), reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

async function postOverHttp2(node: EtcdNode, path: string, body: string, own: Shown): Promise<string> {
  const session = connectHttp2(node.clientUrl, { ca: authority.certificate, ...own });
  // What comes before the answer ends the stream as well; behind it the connection may end in any way.
  session.on("error", () => {});
  try {
    const stream = session.request({ ...ANY, ":method": "POST", ":path": path });
    const answered = once(stream, "response") as Promise<[{ readonly ":status": number }]>;
    stream.end(body);
    const [[headers], answer] = await Promise.all([answered, text(stream)]);
    return `${headers[":status"]} ${withoutSpaces(answer)}`;
  } finally {
    session.close();
  }
}

function rejections(node: EtcdNode): string[] {
  return node.process
    .log()
    .split("\n")
    .filter((line) => line.includes("rejected connection on client endpoint"))
    .map((line) => (JSON.parse(line) as { readonly error: string }).error);
}

peerSuite("TLS towards clients", ["etcd-3.5", "etcdctl-3.4", "etcdctl-3.5"], (target) => {
  it("is spoken with etcdctl, gRPC and HTTPS, for those with a certificate alone", async () => {
    const [metrics = 0] = await freePorts(1);
    await using node = await EtcdNode.start({
      program: target,
      medium: "memory",
      clientTls: mutual,
      flags: [`--listen-metrics-urls=https://127.0.0.1:${metrics}`],
    });
    const endpoint = `--endpoints=${node.clientUrl}`;

    for (const peer of ["etcdctl-3.4", "etcdctl-3.5"] as const) {
      expect(await etcdctl(peer, [endpoint, ...shown(alice), "put", "k", peer])).toBe("OK\n");
      expect(await etcdctl(peer, [endpoint, ...shown(alice), "get", "k"])).toBe(`k\n${peer}\n`);
      expect(await etcdctl(peer, [endpoint, ...shown(alice), "endpoint", "health"])).toContain("is healthy");
    }
    using client = api(node);
    expect(await client.must("KV/Range", { key: KEY })).toMatchObject({ count: "1" });
    const own = { cert: alice.certificate, key: alice.key };
    expect(await get(`${node.clientUrl}/health`, own)).toBe('200 {"health":"true","reason":""}');
    expect(await get(`${node.clientUrl}/version`, own)).toContain('200 {"etcdserver":"3.7.1"');
    expect(await get(`https://127.0.0.1:${metrics}/metrics`, own)).toContain("etcd_server_has_leader 1");
    expect(await get(`https://127.0.0.1:${metrics}/health`)).toMatch(/ALERT_CERTIFICATE_REQUIRED|ECONNRESET|EPIPE/);
  }, 60_000);

  it("is spoken on listeners of HTTP alone, and then gRPC alone on the others", async () => {
    const [http = 0] = await freePorts(1);
    await using node = await EtcdNode.start({
      program: target,
      medium: "memory",
      clientTls: mutual,
      flags: [`--listen-client-http-urls=https://127.0.0.1:${http}`],
    });
    using client = api(node);
    const own = { cert: alice.certificate, key: alice.key };

    expect((await client.call("KV/Put", { key: KEY })).ok).toBe(true);
    expect(await get(`https://127.0.0.1:${http}/health`, own)).toBe('200 {"health":"true","reason":""}');
    expect(await get(`https://127.0.0.1:${http}/health`)).toMatch(/ALERT_CERTIFICATE_REQUIRED|ECONNRESET|EPIPE/);
    expect(await get(`${node.clientUrl}/health`, own)).toMatch(/^404 /);
  }, 60_000);

  it("refuses wrong, expired and missing certificates, with a line for each, and goes on", async () => {
    const expired = await authority.issue("expired", { notAfterMs: Date.now() - 3_600_000 });
    const foreign = await stranger.issue("foreign");
    await using node = await EtcdNode.start({ program: target, medium: "memory", clientTls: mutual });
    using client = api(node);
    expect((await client.call("KV/Put", { key: KEY })).ok).toBe(true);

    for (const { cert, key } of [expired, foreign].map(({ certificate, key }) => ({ cert: certificate, key }))) {
      expect(await get(`${node.clientUrl}/health`, { cert, key })).toMatch(/ECONNRESET|EPIPE/);
    }
    await get(`${node.clientUrl}/health`);
    await new Promise((resolve) => plainRequest(`http://${node.endpoint}/`).on("error", resolve).end());
    // Go's client says what it thinks of the certificate it is shown.
    await etcdctl("etcdctl-3.5", [`--endpoints=${node.clientUrl}`, `--cacert=${stranger.caFile}`, "get", "k"]);
    await waitUntil(() => rejections(node).length >= 5, { what: "five rejections", timeoutMs: 5000 });

    expect(rejections(node).slice(0, 5)).toEqual([
      "client certificate not accepted: CERT_HAS_EXPIRED",
      expect.stringMatching(/^client certificate not accepted: [A-Z_]+$/),
      "tls: client didn't provide a certificate",
      "tls: first record does not look like a TLS handshake",
      expect.stringMatching(/^remote error: tls: /),
    ]);
    expect((await client.call("KV/Put", { key: KEY })).ok).toBe(true);
  }, 60_000);

  it("keeps to the versions and suites it is given", async () => {
    const suite = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384";
    const cases: ReadonlyArray<readonly [flags: readonly string[], client: SecureVersion, agreed: string]> = [
      [["--tls-min-version=TLS1.3"], "TLSv1.2", "none"],
      [["--tls-min-version=TLS1.3"], "TLSv1.3", "TLSv1.3"],
      [["--tls-max-version=TLS1.2", `--cipher-suites=${suite}`], "TLSv1.3", "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384"],
    ];
    for (const [flags, maxVersion, agreed] of cases) {
      await using node = await EtcdNode.start({ program: target, medium: "memory", clientTls: mutual, flags });
      const spoken = await new Promise<string>((resolve) => {
        const own = { cert: alice.certificate, key: alice.key, ca: authority.certificate, maxVersion };
        const socket = connectTls({ host: "127.0.0.1", port: node.clientPort, ...own }, () => {
          resolve(`${socket.getProtocol()} ${socket.getCipher().name}`);
          socket.destroy();
        });
        socket.once("error", () => resolve("none"));
      });
      expect([flags, spoken.startsWith(agreed) ? agreed : spoken]).toEqual([flags, agreed]);
      if (agreed !== "none") continue;
      await waitUntil(() => rejections(node).length > 0, { what: "a line", timeoutMs: 5000 });
      expect(rejections(node)).toEqual(["tls: client offered only unsupported versions"]);
    }
  }, 60_000);

  it("goes on beside handshakes that never end and bytes that are none", async () => {
    await using node = await EtcdNode.start({ program: target, medium: "memory", clientTls: mutual });
    using client = api(node);
    const sockets = Array.from({ length: 1500 }, (_, i) => {
      const socket = connect(node.clientPort, "127.0.0.1");
      socket.on("error", () => {});
      if (i % 3 === 1) socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc]));
      if (i % 3 === 2) socket.write(Buffer.alloc(4096, i));
      return socket;
    });
    for (let i = 0; i < 20; i++) {
      using other = api(node);
      expect((await other.call("KV/Put", { key: KEY })).ok).toBe(true);
      expect((await client.call("KV/Put", { key: KEY })).ok).toBe(true);
    }
    for (const socket of sockets) socket.destroy();

    expect(rejections(node).length).toBeLessThan(800);
    expect(node.running).toBe(true);
  }, 60_000);

  it("asks for a certificate that is not revoked and for an allowed host, and goes by what changes, as etcd does", async () => {
    const bob = await authority.issue("bob", { hosts: ["client.test"] });
    const carol = await authority.issue("carol", { hosts: ["elsewhere.test"] });
    const hexadecimal = (pair: IssuedPair): string => pair.serialNumber.replace(/^0+/, "");
    for (const program of [peerProgram("3.5.30"), target]) {
      const list = await authority.revoke("revoked.crl", [bob.serialNumber]);
      await using node = await EtcdNode.start({
        program,
        medium: "memory",
        clientTls: mutual,
        flags: [`--client-crl-file=${list}`, "--client-cert-allowed-hostname=client.test"],
      });
      const served = async (pair: IssuedPair): Promise<boolean> => {
        using client = api(node, pair);
        return (await client.call("KV/Put", { key: KEY }, 1500)).ok;
      };

      expect([await served(alice), await served(bob), await served(carol)]).toEqual([true, false, false]);
      await authority.revoke("revoked.crl", [alice.serialNumber]);
      expect([await served(alice), await served(bob)]).toEqual([false, true]);

      if (program !== target) continue;
      expect([...new Set(rejections(node))]).toEqual([
        `transport: certificate serial ${hexadecimal(bob)} revoked`,
        "client certificate authentication failed: it is for none of the allowed host names",
        `transport: certificate serial ${hexadecimal(alice)} revoked`,
      ]);
    }
  }, 60_000);

  it("tells who calls by the common name, where users count and no token is sent, as etcd does", async () => {
    const names = ["root", "alice", "nobody", ""];
    const pairs = await Promise.all(names.map((commonName, i) => authority.issue(`user-${i}`, { commonName })));
    const outcomes = async (program: readonly string[], clientCertAuth: boolean): Promise<readonly unknown[]> => {
      const clientTls = { ...mutual, clientCertAuth };
      await using node = await EtcdNode.start({ program, medium: "memory", clientTls });
      const found: unknown[] = [];
      using root = api(node, pairs[0]);
      for (const [method, message] of USERS) await root.must(method, message);
      for (const [i, pair] of pairs.entries()) {
        using client = api(node, pair);
        for (const [method, message] of CALLS_OF_USERS) {
          const outcome = await client.call(method, message);
          found.push([names[i], method, message["key"], outcome.ok ? "ok" : `${outcome.code} ${outcome.message}`]);
        }
        // The gateway would lose the name.
        const own = { cert: pair.certificate, key: pair.key };
        const body = JSON.stringify({ key: KEY.toString("base64") });
        for (const ask of [post, postOverHttp2])
          found.push([names[i], "gateway", ask.name, await ask(node, "/v3/kv/range", body, own)]);
      }
      return found;
    };

    const byName = await outcomes(peerProgram("3.5.30"), true);
    expect(await outcomes(target, true)).toEqual(byName);
    expect(byName.map((outcome) => (outcome as unknown[])[3])).toContain("7 etcdserver: permission denied");
    // An authority alone has certificates verified, and nobody named by them.
    const nameless = await outcomes(peerProgram("3.5.30"), false);
    expect(await outcomes(target, false)).toEqual(nameless);
    expect(nameless).not.toEqual(byName);
  }, 60_000);

  it("shares addresses with plain text, and is spoken on unix sockets", async () => {
    const [port = 0] = await freePorts(1);
    const [plain, secure] = [join(directory.path, "u"), join(directory.path, "us")];
    const urls = [
      `http://127.0.0.1:${port}`,
      `https://127.0.0.1:${port}`,
      `unix://${plain}`,
      `unixs://${secure}`,
    ].join();
    await using node = await EtcdNode.start({
      program: target,
      medium: "memory",
      clientTls: { certFile: server.certFile, keyFile: server.keyFile },
      flags: [`--listen-client-urls=${urls}`],
    });
    const answers = async (endpoint: string, ...flags: string[]): Promise<void> => {
      for (const peer of ["etcdctl-3.4", "etcdctl-3.5"] as const)
        expect(await etcdctl(peer, [`--endpoints=${endpoint}`, ...flags, "put", "k", "v"])).toBe("OK\n");
    };

    await answers(`http://127.0.0.1:${port}`);
    await answers(`https://127.0.0.1:${port}`, `--cacert=${authority.caFile}`);
    await answers(`unix://${plain}`);
    await answers(`unixs://${secure}`, "--insecure-transport=false", "--insecure-skip-tls-verify");
    // A process that is killed leaves its sockets behind.
    await node.kill();
    await node.restart();
    await answers(`unix://${plain}`);
  }, 60_000);

  it("comes with a certificate of the server's own making, kept over restarts", async () => {
    await using node = await EtcdNode.start({ program: target, medium: "memory", clientTls: "auto", peerTls: "auto" });
    const url = node.clientUrl;
    const folder = join(node.dataDirectory, "fixtures", "client");
    const made = readFileSync(join(folder, "cert.pem"), "utf8");
    const skip = ["--insecure-transport=false", "--insecure-skip-tls-verify"];

    for (const peer of ["etcdctl-3.4", "etcdctl-3.5"] as const) {
      expect(await etcdctl(peer, [`--endpoints=${url}`, ...skip, "put", "k", "v"])).toBe("OK\n");
      expect(await etcdctl(peer, [`--endpoints=${url}`, `--cacert=${folder}/cert.pem`, "get", "k"])).toBe("k\nv\n");
    }
    await node.kill();
    await node.restart();
    expect(readFileSync(join(folder, "cert.pem"), "utf8")).toBe(made);
    const expired = await stranger.issue("own", { notAfterMs: Date.now() - 1000 });
    await node.kill();
    copyFileSync(expired.certFile, join(folder, "cert.pem"));
    copyFileSync(expired.keyFile, join(folder, "key.pem"));
    await node.restart();
    expect(await get(`${url}/health`, { ca: readFileSync(join(folder, "cert.pem")) })).toContain('"health":"true"');
  }, 60_000);

  it("fails no request while certificates and authorities are replaced twenty times", async () => {
    await using files = await RotatedFiles.create();
    await using node = await EtcdNode.start({ program: target, medium: "memory", clientTls: files.tls });
    const load = new PutLoad(node);
    for (let step = 1; step <= ROTATIONS; step++) {
      await files.rotate(step);
      await load.advance(10);
      expect(await commonNameOf(node.clientPort)).toBe(`server-${step}`);
    }
    const { failures, puts } = await load.stop();

    expect(failures).toEqual([]);
    expect(puts).toBeGreaterThan(ROTATIONS * 10);
  }, 120_000);
});

peerSuite("TLS between members", ["etcd-3.4", "etcd-3.5", "etcdctl-3.5"], (target) => {
  it("holds a cluster together in which members of etcd and ours demand each other's certificates", async () => {
    const programs = [peerProgram("3.5.30"), target, peerProgram("3.4.23")];
    const member = await authority.issue("member");
    const peerTls: NodeTls = { ...member, trustedCaFile: authority.caFile, clientCertAuth: true };
    await using cluster = await EtcdCluster.start({
      members: programs.map((program) => ({ program })),
      medium: "memory",
      clientTls: mutual,
      peerTls,
    });
    const write = async (index: number, value: string): Promise<void> => {
      using client = api(cluster.node(index));
      await eventually(client, "KV/Put", { key: KEY, value: Buffer.from(value) });
    };
    for (const [index] of programs.entries()) await write(index, `by ${index}`);
    await cluster.kill(0);
    await write(1, "with one down");
    await cluster.restart(0);

    // One of ours joins, is brought up to date, and stands in for a member of etcd.
    const added = await cluster.prepareMember({ program: target });
    using client = api(cluster.node(1));
    const answer = await eventually(client, "Cluster/MemberAdd", { peerURLs: [cluster.peerUrl(added)] });
    const members = (answer["members"] as { name: string; peerURLs: string[] }[]).map(
      ({ name, peerURLs }): ListedMember => ({ name, peerURLs }),
    );
    await cluster.join(added, initialClusterOf(members, cluster.node(added)));
    await cluster.kill(2);
    await write(added, "by the new one");
    for (const index of [0, 1, added]) {
      using reader = api(cluster.node(index));
      const { kvs } = await reader.must("KV/Range", { key: KEY });
      expect((kvs as { value: Buffer }[])[0]?.value.toString()).toBe("by the new one");
    }
  }, 120_000);

  it("fails no request while the members' certificates and authorities are replaced twenty times", async () => {
    await using files = await RotatedFiles.create();
    const members = [{ program: target }, { program: target }, { program: target }];
    await using cluster = await EtcdCluster.start({
      members,
      medium: "memory",
      clientTls: files.tls,
      peerTls: files.tls,
    });
    using client = api(cluster.node(0));
    await eventually(client, "KV/Put", { key: KEY });
    const load = new PutLoad(cluster.node(0));
    for (let step = 1; step <= ROTATIONS; step++) {
      await files.rotate(step);
      await load.advance(10);
      for (const node of cluster.nodes) expect(await commonNameOf(node.peerPort)).toBe(`server-${step}`);
    }
    const { failures, puts } = await load.stop();

    expect(failures).toEqual([]);
    expect(puts).toBeGreaterThan(ROTATIONS * 10);
    // Its connections to the others are all new.
    await cluster.terminate(2);
    await cluster.restart(2);
    using restarted = api(cluster.node(2));
    await eventually(restarted, "KV/Range", { key: KEY });
  }, 240_000);

  it("is made up by members that demand none: certificates of their own making, beside etcd's", async () => {
    await using cluster = await EtcdCluster.start({
      members: [peerProgram("3.5.30"), target, target].map((program) => ({ program })),
      medium: "memory",
      peerTls: "auto",
    });
    using client = new EtcdApi(cluster.node(1).endpoint);
    await eventually(client, "KV/Put", { key: KEY });
    await cluster.kill(0);
    await eventually(client, "KV/Put", { key: KEY });
  }, 60_000);
});

/** Again while there is no leader, or members are too newly connected for a change of the membership. */
async function eventually(client: EtcdApi, method: string, message: Message): Promise<Message> {
  const untilMs = performance.now() + 20_000;
  for (;;) {
    const outcome = await client.call(method, message);
    if (outcome.ok) return outcome.response;
    const { code, message: why } = outcome;
    if (code !== UNAVAILABLE || performance.now() > untilMs) throw new Error(`${method}: code ${code}: ${why}`);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** A server's files in a directory of their own, to be replaced again and again. */
class RotatedFiles implements AsyncDisposable {
  readonly #directory = temporaryDirectory("quorate-rotation-");
  readonly tls: NodeTls;

  private constructor() {
    const file = (name: string): string => join(this.#directory.path, name);
    this.tls = { certFile: file("server.pem"), keyFile: file("server.key.pem"), trustedCaFile: file("ca.pem") };
  }

  static async create(): Promise<RotatedFiles> {
    const files = new RotatedFiles();
    await files.rotate(0);
    return files;
  }

  /** In place and one after the other, as plain copying does: between the two nothing fits together. */
  async rotate(step: number): Promise<void> {
    const pair = await authority.issue(`rotated-${step % 2}`, { commonName: `server-${step}` });
    const { certFile, keyFile, trustedCaFile = "" } = this.tls;
    copyFileSync(pair.certFile, certFile);
    await new Promise((resolve) => setImmediate(resolve));
    copyFileSync(pair.keyFile, keyFile);
    writeFileSync(trustedCaFile, `${step % 2 === 0 ? "" : stranger.certificate}${authority.certificate}`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#directory.remove();
    return Promise.resolve();
  }
}

/** Puts without end over one connection that stays, and over new ones. */
class PutLoad {
  readonly #node: EtcdNode;
  readonly #done: Promise<unknown>;
  #stopped = false;
  #puts = 0;
  readonly #failures: string[] = [];

  constructor(node: EtcdNode) {
    this.#node = node;
    this.#done = Promise.all([this.#onOneConnection(), this.#onNewOnes()]);
  }

  /** Until so many more puts are done. */
  async advance(count: number): Promise<void> {
    const goal = this.#puts + count;
    await waitUntil(() => this.#puts >= goal || this.#failures.length > 0, { what: "puts", timeoutMs: 10_000 });
  }

  async stop(): Promise<{ readonly puts: number; readonly failures: readonly string[] }> {
    this.#stopped = true;
    await this.#done;
    return { puts: this.#puts, failures: this.#failures };
  }

  async #onOneConnection(): Promise<void> {
    using client = api(this.#node);
    while (!this.#stopped) await this.#put(client);
  }

  async #onNewOnes(): Promise<void> {
    while (!this.#stopped) {
      using client = api(this.#node);
      await this.#put(client);
    }
  }

  async #put(client: EtcdApi): Promise<void> {
    const outcome = await client.call("KV/Put", { key: KEY, value: KEY });
    if (outcome.ok) this.#puts++;
    else this.#failures.push(`${outcome.code} ${outcome.message}`);
  }
}

/** Of the certificate that a new connection is shown. */
async function commonNameOf(port: number): Promise<string> {
  return await new Promise((resolve, reject) => {
    const own = { cert: alice.certificate, key: alice.key, ca: authority.certificate };
    const socket = connectTls({ host: "127.0.0.1", port, ...own }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.once("error", reject);
  });
}
