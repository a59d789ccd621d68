import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, createServer, type Server, type TLSSocket } from "node:tls";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { type TemporaryDirectory, temporaryDirectory } from "@quorate/testkit";
import type { KeyAlgorithm, KeyPair } from "../../src/core/index.ts";
import { X509CertificateMaker } from "../../src/node/pki/index.ts";

const HOUR_MS = 3_600_000;
const HOSTS = ["c-1.c-peers.ns.svc", "*.c-peers.ns.svc", "localhost", "127.0.0.1", "::1"];
const ALGORITHMS: readonly KeyAlgorithm[] = ["ECDSA-P256", "ECDSA-P384", "RSA-3072", "Ed25519"];

const maker = new X509CertificateMaker();
const nowMs = Date.now();
const validity = { notBeforeMs: nowMs - HOUR_MS, notAfterMs: nowMs + HOUR_MS };

let directory: TemporaryDirectory;

beforeEach(() => {
  directory = temporaryDirectory("quorate-pki-");
});

afterEach(() => {
  directory.remove();
});

describe.each(ALGORITHMS)("X509CertificateMaker with %s", (algorithm) => {
  let authority: KeyPair;
  let server: KeyPair;
  let client: KeyPair;

  beforeAll(async () => {
    authority = await maker.createAuthority({ commonName: "ns/c CA", algorithm, ...validity });
    [server, client] = await Promise.all([
      maker.issue(authority, { commonName: "c-1", algorithm, hosts: HOSTS, usage: "ServerAndClient", ...validity }),
      maker.issue(authority, { commonName: "root", algorithm, hosts: [], usage: "Client", ...validity }),
    ]);
  });

  it("makes chains that OpenSSL accepts for what they are for, and for nothing else", () => {
    const [ca, serverFile, clientFile] = [file("ca", authority), file("server", server), file("client", client)];

    const verify = (certFile: string, purpose: string): string =>
      execFileSync("openssl", ["verify", "-x509_strict", "-CAfile", ca, "-purpose", purpose, certFile], {
        encoding: "utf8",
      });

    expect(verify(serverFile, "sslserver")).toContain("OK");
    expect(verify(serverFile, "sslclient")).toContain("OK");
    expect(verify(clientFile, "sslclient")).toContain("OK");
    expect(() => verify(clientFile, "sslserver")).toThrow(/certificate purpose/);
  });

  it("tells what a certificate says", () => {
    const facts = maker.inspect(server.certPem);

    expect(facts).toMatchObject({
      commonName: "c-1",
      hosts: [...HOSTS].sort(),
      algorithm,
      notBeforeMs: Math.trunc(validity.notBeforeMs / 1000) * 1000,
      notAfterMs: Math.trunc(validity.notAfterMs / 1000) * 1000,
    });
    expect(facts?.fingerprint).toMatch(/^[0-9a-f]{64}$/);
  });

  it("makes pairs with which a server and a client of node:tls accept each other", async () => {
    const served = await listen({ ca: authority.certPem, cert: server.certPem, key: server.keyPem });

    const commonName = await greet(served, {
      ca: authority.certPem,
      cert: client.certPem,
      key: client.keyPem,
      servername: "c-1.c-peers.ns.svc",
    });

    expect(commonName).toBe("root");
  });

  it("tells a pair of this authority from one of another with the same name, and from one with another's key", async () => {
    const other = await maker.createAuthority({ commonName: "ns/c CA", algorithm, ...validity });

    expect(maker.isIssuedBy(server, authority.certPem)).toBe(true);
    expect(maker.isIssuedBy(server, other.certPem)).toBe(false);
    expect(maker.isIssuedBy({ certPem: server.certPem, keyPem: client.keyPem }, authority.certPem)).toBe(false);
    expect(maker.isIssuedBy({ certPem: server.certPem, keyPem: "none" }, authority.certPem)).toBe(false);
  });
});

describe("X509CertificateMaker", () => {
  it("lets no leaf outlive its authority", async () => {
    const authority = await maker.createAuthority({ commonName: "CA", algorithm: "ECDSA-P256", ...validity });

    const leaf = await maker.issue(authority, {
      commonName: "x",
      algorithm: "ECDSA-P256",
      hosts: [],
      usage: "Client",
      notBeforeMs: nowMs,
      notAfterMs: nowMs + 100 * HOUR_MS,
    });

    expect(maker.inspect(leaf.certPem)?.notAfterMs).toBe(maker.inspect(authority.certPem)?.notAfterMs);
  });

  it("issues leafs of another algorithm than the authority's", async () => {
    const authority = await maker.createAuthority({ commonName: "CA", algorithm: "ECDSA-P384", ...validity });

    const leaf = await maker.issue(authority, {
      commonName: "x",
      algorithm: "Ed25519",
      hosts: [],
      usage: "Client",
      ...validity,
    });

    expect(maker.isIssuedBy(leaf, authority.certPem)).toBe(true);
    expect(maker.inspect(leaf.certPem)?.algorithm).toBe("Ed25519");
  });

  it("takes no name that could be read as more than a name", async () => {
    const request = { commonName: "a,O=b", algorithm: "ECDSA-P256", ...validity } as const;

    await expect(maker.createAuthority(request)).rejects.toThrow("a common name is made of names of objects");
  });

  it("says nothing of what is no certificate", () => {
    expect(maker.inspect("")).toBeUndefined();
    expect(maker.inspect("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")).toBeUndefined();
  });
});

function file(name: string, { certPem }: KeyPair): string {
  const path = join(directory.path, `${name}.pem`);
  writeFileSync(path, certPem);
  return path;
}

async function listen(options: { ca: string; cert: string; key: string }): Promise<Server> {
  const server = createServer({ ...options, requestCert: true, rejectUnauthorized: true }, (socket: TLSSocket) => {
    socket.end(String(socket.getPeerCertificate().subject.CN));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

async function greet(
  server: Server,
  options: { ca: string; cert: string; key: string; servername: string },
): Promise<string> {
  const { port } = server.address() as { port: number };
  try {
    return await new Promise((resolve, reject) => {
      let text = "";
      connect({ port, host: "127.0.0.1", ...options })
        .setEncoding("utf8")
        .on("data", (piece: string) => {
          text += piece;
        })
        .on("end", () => resolve(text))
        .on("error", reject);
    });
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
