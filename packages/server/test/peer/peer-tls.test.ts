import { readFileSync } from "node:fs";
import { connect as connectPlain, type Socket } from "node:net";
import { connect, type PeerCertificate, type TLSSocket } from "node:tls";
import { describe, expect, it } from "@jest/globals";
import { createMessage, MessageType } from "@quorate/raft";
import { waitUntil } from "@quorate/testkit";
import type { PeerServerTls, PeerTls } from "../../src/node/peer/index.ts";
import { certificateProblem } from "../../src/node/peer/peer-tls.ts";
import { TestTransport } from "./support/test-transport.ts";

const pem = (name: string): string => readFileSync(new URL(`../testdata/tls/${name}.pem`, import.meta.url), "utf8");
const [CA, OTHER_CA] = [pem("ca"), pem("other-ca")];
const member = { cert: pem("member"), key: pem("member.key") };
const stranger = { cert: pem("stranger"), key: pem("stranger.key") };

function tls(own: typeof member, server: Partial<PeerServerTls> = {}): PeerTls {
  return {
    server: {
      ...own,
      ca: CA,
      clientCertAuth: true,
      allowedCns: [],
      allowedHostnames: [],
      revoked: new Set(),
      skipClientSanVerify: false,
      ...server,
    },
    client: { ...own, ca: CA, verifyServer: true },
  };
}

/** A socket whose other side, at `remoteAddress`, has shown a certificate of this name and these subject names. */
function shown(commonName: string, subjectaltname: string, remoteAddress = "10.0.0.7"): TLSSocket {
  const certificate = { subject: { CN: commonName }, subjectaltname } as unknown as PeerCertificate;
  return { remoteAddress, getPeerCertificate: () => certificate } as unknown as TLSSocket;
}

async function reach(from: TestTransport, to: TestTransport, timeoutMs: number): Promise<boolean> {
  from.transport.addPeer(to.id, [to.url]);
  from.transport.send([createMessage({ type: MessageType.HeartbeatResp, from: from.id, to: to.id, term: 1 })]);
  const arrived = waitUntil(() => to.received.length > 0, { what: "a message", timeoutMs });
  return await arrived.then(
    () => true,
    () => false,
  );
}

describe("members that talk over TLS", () => {
  it("reach each other, both with certificates of the authority", async () => {
    await using a = await TestTransport.start({ id: 1n, tls: tls(member) });
    await using b = await TestTransport.start({
      id: 2n,
      tls: tls(member, { allowedCns: ["member-1"], allowedHostnames: ["localhost"] }),
    });
    expect(await reach(a, b, 5000)).toBe(true);
    expect(await reach(b, a, 5000)).toBe(true);
    const streams = (): boolean =>
      a.transport.activeSince(2n) !== undefined && b.transport.activeSince(1n) !== undefined;
    await waitUntil(streams, { what: "streams", timeoutMs: 5000 });
  });

  it("do not reach one whose authority, common name or host name is another", async () => {
    await using a = await TestTransport.start({ id: 1n, tls: tls(member) });
    for (const [i, over] of [
      { ca: OTHER_CA },
      { allowedCns: ["member-2"] },
      { allowedHostnames: ["elsewhere"] },
    ].entries()) {
      await using b = await TestTransport.start({ id: BigInt(10 + i), tls: tls(member, over) });
      expect({ i, reached: await reach(a, b, 700) }).toEqual({ i, reached: false });
      a.transport.removePeer(b.id);
    }
    await using c = await TestTransport.start({ id: 3n, tls: tls(stranger) });
    expect(await reach(a, c, 700)).toBe(false);
  }, 20_000);

  it("let go of connections that do not speak TLS, or stop in the middle of it", async () => {
    await using a = await TestTransport.start({ id: 1n, tls: tls(member) });
    await using b = await TestTransport.start({ id: 2n, tls: tls(member) });
    await expect(fetch(a.url.replace("https", "http"))).rejects.toThrow();
    const bare = connect({ port: a.port, host: "127.0.0.1", rejectUnauthorized: false });
    bare.on("error", () => {});
    await waitUntil(() => bare.destroyed, { what: "the end of a client without certificate", timeoutMs: 5000 });
    expect(await reach(b, a, 5000)).toBe(true);
    // One that has not begun its handshake holds nothing up.
    const mute = connectPlain(a.port, "127.0.0.1");
    mute.on("error", () => {});
    await new Promise((resolve) => mute.once("connect", resolve));
    const startedAt = performance.now();
    await a.transport.close();
    expect(performance.now() - startedAt).toBeLessThan(3000);
    mute.destroy();
  }, 15_000);
});

describe("handshakes that never end", () => {
  it("keep no member out, however many there are", async () => {
    await using a = await TestTransport.start({ id: 1n, tls: tls(member) });
    await using b = await TestTransport.start({ id: 2n, tls: tls(member) });
    const mute: Socket[] = [];
    const gone = (): number => mute.filter((socket) => socket.destroyed).length;
    try {
      // More than a listener has connections for; and no more at a time than wait to be accepted, lest the kernel put some off.
      while (mute.length < 1100) {
        const wave = Array.from({ length: 100 }, () => connectPlain(a.port, "127.0.0.1").on("error", () => {}));
        mute.push(...wave);
        await Promise.all(
          wave.map((socket) => new Promise((done) => socket.once("connect", done).once("close", done))),
        );
      }
      await waitUntil(() => gone() >= 900, {
        what: "the end of most of them",
        // Sooner than a handshake has to end by itself.
        timeoutMs: 8000,
        detail: () => `${gone()} have ended`,
      });
      expect(await reach(b, a, 5000)).toBe(true);
    } finally {
      for (const socket of mute) socket.destroy();
    }
  }, 30_000);
});

describe("the names in a peer's certificate", () => {
  const server = tls(member).server;

  it("are compared with the address it comes from", async () => {
    expect(await certificateProblem(shown("x", "IP Address:10.0.0.7"), server)).toBeUndefined();
    expect(await certificateProblem(shown("x", "IP Address:10.0.0.7", "::ffff:10.0.0.7"), server)).toBeUndefined();
    expect(await certificateProblem(shown("x", "IP Address:FD00:0:0:0:0:0:0:1", "fd00::1"), server)).toBeUndefined();
    expect(await certificateProblem(shown("x", "DNS:localhost", "127.0.0.1"), server)).toBeUndefined();
    expect(await certificateProblem(shown("x", ""), server)).toBeUndefined();
    expect(await certificateProblem(shown("x", "IP Address:10.0.0.8"), server)).toBe(
      "client certificate is not for 10.0.0.7",
    );
    expect(
      await certificateProblem(shown("x", "IP Address:10.0.0.8"), { ...server, skipClientSanVerify: true }),
    ).toBeUndefined();
  });

  it("must be among the allowed ones", async () => {
    const cns = { ...server, allowedCns: ["m1", "m2"], skipClientSanVerify: true };
    expect(await certificateProblem(shown("m2", ""), cns)).toBeUndefined();
    expect(await certificateProblem(shown("m3", ""), cns)).toContain(`common name "m3"`);
    const hosts = { ...server, allowedHostnames: ["a.example.com"], skipClientSanVerify: true };
    expect(await certificateProblem(shown("x", "DNS:*.example.com"), hosts)).toBeUndefined();
    expect(await certificateProblem(shown("x", "DNS:A.EXAMPLE.com"), hosts)).toBeUndefined();
    for (const names of ["DNS:example.com", "DNS:*.com", "", "IP Address:10.0.0.7"])
      expect(await certificateProblem(shown("x", names), hosts)).toContain("none of the allowed host names");
  });

  it("are not made up by one that has commas in it (CVE-2021-44532)", async () => {
    const hosts = { ...server, allowedHostnames: ["a.test"], skipClientSanVerify: true };
    for (const names of [
      'DNS:"x, DNS:a.test, y"',
      'DNS:b.test, DNS:"x, DNS:a.test, y"',
      'othername:"x, DNS:a.test", DNS:b.test',
    ])
      expect(await certificateProblem(shown("x", names), hosts)).toContain("none of the allowed host names");
    expect(await certificateProblem(shown("x", 'URI:"a,b", DNS:a.test, IP Address:1.1.1.1'), hosts)).toBeUndefined();
  });

  it("do not matter where no certificate is asked for", async () => {
    expect(
      await certificateProblem(shown("x", "IP Address:1.1.1.1"), { ...server, clientCertAuth: false }),
    ).toBeUndefined();
  });
});
