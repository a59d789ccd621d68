import type { Server as PlainServer, Socket } from "node:net";
import { createServer as createPlainServer } from "node:net";
import { createServer, type TlsOptions } from "node:tls";
import { afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import type { KeyPair, TlsSight } from "../../src/core/index.ts";
import { SocketTlsProbe, X509CertificateMaker } from "../../src/node/pki/index.ts";

const HOUR_MS = 3_600_000;
const maker = new X509CertificateMaker();
const request = {
  algorithm: "ECDSA-P256",
  notBeforeMs: Date.now() - HOUR_MS,
  notAfterMs: Date.now() + HOUR_MS,
} as const;
const servers: PlainServer[] = [];
const sockets = new Set<Socket>();

let authority: KeyPair;
let stranger: KeyPair;
let server: KeyPair;
let known: KeyPair;
let unknown: KeyPair;

beforeAll(async () => {
  // Of one name, as the former and the next authorities of a cluster are.
  [authority, stranger] = await Promise.all([
    maker.createAuthority({ commonName: "c client CA", ...request }),
    maker.createAuthority({ commonName: "c client CA", ...request }),
  ]);
  const client = { commonName: "root", hosts: [], usage: "Client", ...request } as const;
  server = await maker.issue(authority, {
    commonName: "c-1",
    hosts: ["127.0.0.1"],
    usage: "ServerAndClient",
    ...request,
  });
  [known, unknown] = await Promise.all([maker.issue(authority, client), maker.issue(stranger, client)]);
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await Promise.all(servers.splice(0).map((each) => new Promise((resolve) => each.close(resolve))));
});

describe.each(["TLSv1.2", "TLSv1.3"] as const)("with %s the probe", (version) => {
  const options = (trusted: string): TlsOptions => ({
    ca: trusted,
    cert: server.certPem,
    key: server.keyPem,
    minVersion: version,
    maxVersion: version,
    requestCert: true,
    rejectUnauthorized: true,
  });

  it("sees the certificate that is shown, and that it is let in", async () => {
    const port = await listen(options(authority.certPem));

    expect(await look(port, known, true)).toEqual({ fingerprint: fingerprint(server), isAccepted: true });
    expect(await look(port, known, false)).toEqual({ fingerprint: fingerprint(server), isAccepted: undefined });
  });

  it("sees that it is not let in", async () => {
    const port = await listen(options(authority.certPem));

    expect(await look(port, unknown, true)).toMatchObject({ isAccepted: false });
  });

  it("is let in where its authority is one of two of the same name", async () => {
    for (const trusted of [`${authority.certPem}${stranger.certPem}`, `${stranger.certPem}${authority.certPem}`]) {
      const port = await listen(options(trusted));

      expect(await look(port, known, true)).toMatchObject({ isAccepted: true });
      expect(await look(port, unknown, true)).toMatchObject({ isAccepted: true });
    }
  });
});

describe("the probe", () => {
  it("says nothing of what it cannot reach, of who says nothing, and of what is no TLS", async () => {
    const silent = createPlainServer();
    const plain = createPlainServer((socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    const gone = await start(createPlainServer());
    await new Promise((resolve) => servers.pop()?.close(resolve));

    expect(await look(gone, known, true)).toBeUndefined();
    expect(await look(await start(silent), known, true)).toBeUndefined();
    expect(await look(await start(plain), known, true)).toEqual({ fingerprint: undefined, isAccepted: false });
  });

  it("says nothing with a pair that is none", async () => {
    expect(await look(1, { certPem: "x", keyPem: "y" }, true)).toBeUndefined();
  });
});

async function look(port: number, pair: KeyPair, asks: boolean): Promise<TlsSight | undefined> {
  return await new SocketTlsProbe(1000).look({ host: "localhost", port, pair, asks });
}

function fingerprint({ certPem }: KeyPair): string | undefined {
  return maker.inspect(certPem)?.fingerprint;
}

async function listen(options: TlsOptions): Promise<number> {
  return await start(
    createServer(options, (socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\n\r\n"));
    }),
  );
}

async function start(listener: PlainServer): Promise<number> {
  servers.push(listener);
  listener.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => listener.listen(0, resolve));
  return (listener.address() as { port: number }).port;
}
