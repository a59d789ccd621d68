import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { connect } from "node:tls";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { type Logger, NO_LOGGER } from "@quorate/base";
import {
  EtcdNode,
  findPeer,
  freePorts,
  peersAreRequired,
  requirePeer,
  type TemporaryDirectory,
  TestAuthority,
  temporaryDirectory,
} from "@quorate/testkit";
import type { PeerTlsConfig } from "../../src/node/config/index.ts";
import { PeerClient } from "../../src/node/peer/index.ts";
import { secureContextOptions } from "../../src/node/peer/peer-tls.ts";
import { loadPeerTls } from "../../src/node/tls/peer-tls-files.ts";
import { TestTransport } from "../peer/support/test-transport.ts";

const FILES = fileURLToPath(new URL("../testdata/tls/", import.meta.url));
const file = (name: string): string => join(FILES, name);

function config(change: Partial<PeerTlsConfig> = {}, member = "member"): PeerTlsConfig {
  return {
    certFile: file(`${member}.pem`),
    keyFile: file(`${member}.key.pem`),
    selfSigned: undefined,
    clientCertFile: file(`${member}.pem`),
    clientKeyFile: file(`${member}.key.pem`),
    trustedCaFile: file("ca.pem"),
    crlFile: undefined,
    clientCertAuth: true,
    allowedCns: [],
    allowedHostnames: [],
    skipClientSanVerification: false,
    cipherSuites: [],
    minVersion: "TLS1.2",
    maxVersion: undefined,
    serverName: undefined,
    ...change,
  };
}

describe("loadPeerTls", () => {
  let directory: TemporaryDirectory;
  const warnings: string[] = [];
  const logger: Logger = { ...NO_LOGGER, warn: (message) => void warnings.push(message) };

  beforeEach(() => {
    directory = temporaryDirectory("quorate-tls-");
    warnings.length = 0;
  });
  afterEach(() => directory.remove());

  /** A certificate and key in the test's own directory. */
  function place(member: string): { readonly certFile: string; readonly keyFile: string } {
    const [certFile, keyFile] = [join(directory.path, "cert.pem"), join(directory.path, "key.pem")];
    copyFileSync(file(`${member}.pem`), certFile);
    copyFileSync(file(`${member}.key.pem`), keyFile);
    return { certFile, keyFile };
  }

  it("gives the same object until a file changes, then what the files hold", async () => {
    const { certFile, keyFile } = place("member");
    const { server } = await loadPeerTls(config({ certFile, keyFile }), logger);

    expect(server.renew?.()).toBe(server);
    place("member-new");
    const renewed = server.renew?.();

    expect(renewed).not.toBe(server);
    expect(String(renewed?.cert)).not.toBe(String(server.cert));
    expect(server.renew?.()).toBe(renewed);
    expect(warnings).toEqual([]);
  });

  it("goes on with what it has while a pair of files does not fit together", async () => {
    const { certFile, keyFile } = place("member");
    const { server } = await loadPeerTls(config({ certFile, keyFile }), logger);

    copyFileSync(file("member-new.pem"), certFile);
    expect(server.renew?.()).toBe(server);
    expect(server.renew?.()).toBe(server);
    expect(warnings).toEqual(["cannot use the changed TLS files; the ones before stay in use"]);

    copyFileSync(file("member-new.key.pem"), keyFile);
    expect(String(server.renew?.()?.key)).not.toBe(String(server.key));
  });

  it("fails at the start for files that are not there or do not fit", async () => {
    const { certFile } = place("member");

    const refused = async (change: Partial<PeerTlsConfig>, why: RegExp): Promise<void> =>
      await expect(loadPeerTls(config(change), logger)).rejects.toThrow(why);

    await refused({ keyFile: join(directory.path, "none") }, /ENOENT.*none/);
    await refused(
      { certFile, keyFile: file("stranger.key.pem") },
      /^tls: private key does not match public key \(.*cert.pem, .*stranger.key.pem\)$/,
    );
    await refused({ keyFile: certFile }, /cert.pem holds no private key that can be read/);
    await refused({ crlFile: certFile }, /cert.pem holds something other than whole certificate revocation lists/);
    writeFileSync(certFile, "nonsense");
    await refused({ certFile }, /cert.pem holds no certificate/);
    await refused({ trustedCaFile: certFile }, /cert.pem holds no certificate/);
    writeFileSync(certFile, readFileSync(file("member.pem")).subarray(0, 300));
    await refused({ certFile }, /cert.pem holds an incomplete certificate/);
  });

  it("has listeners and connections of members use what was replaced, without a restart", async () => {
    const { certFile, keyFile } = place("member");
    const own = config({ certFile, keyFile, clientCertFile: certFile, clientKeyFile: keyFile });
    const tls = await loadPeerTls(own, logger);
    await using member = await TestTransport.start({ id: 1n, tls });
    await using choosy = await TestTransport.start({
      id: 2n,
      tls: await loadPeerTls(config({ allowedCns: ["member-1-new"] }), logger),
    });
    const client = new PeerClient(tls.client);

    expect(await commonName(member.port)).toBe("member-1");
    await expect(client.getVersion(choosy.url, 5000)).rejects.toThrow();
    place("member-new");

    expect(await commonName(member.port)).toBe("member-1-new");
    expect((await client.getVersion(choosy.url, 5000)).etcdserver).toBe("3.7.1");
  });

  it("lets nobody in whose certificate has been revoked, as of the next connection", async () => {
    const authority = await TestAuthority.create(directory.path);
    const [own, other] = [await authority.issue("own"), await authority.issue("other")];
    const crlFile = await authority.revoke("list.crl", []);
    const of = ({ certFile, keyFile }: typeof own): PeerTlsConfig =>
      config({ certFile, keyFile, clientCertFile: certFile, clientKeyFile: keyFile, trustedCaFile: authority.caFile });
    await using member = await TestTransport.start({
      id: 1n,
      tls: await loadPeerTls({ ...of(own), crlFile, skipClientSanVerification: true }, logger),
    });
    const client = new PeerClient((await loadPeerTls(of(other), logger)).client);

    expect((await client.getVersion(member.url, 5000)).etcdserver).toBe("3.7.1");
    await authority.revoke("list.crl", [other.serialNumber]);
    await expect(client.getVersion(member.url, 5000)).rejects.toThrow(/ECONNRESET|socket hang up|EPIPE/);
    await authority.revoke("list.crl", [own.serialNumber]);
    expect((await client.getVersion(member.url, 5000)).etcdserver).toBe("3.7.1");
  });

  it("limits versions and TLS 1.2 suites, and leaves those of TLS 1.3", async () => {
    const suites = ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"];
    const cipher = async (change: Partial<PeerTlsConfig>): Promise<string> => {
      const { client, server } = await loadPeerTls(config(change), logger);
      return await handshake(secureContextOptions(server), secureContextOptions(client));
    };

    expect(await cipher({ cipherSuites: suites, maxVersion: "TLS1.2" })).toBe("TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384");
    expect(await cipher({ cipherSuites: suites.slice(1), maxVersion: "TLS1.2" })).toBe(
      "TLSv1.2 ECDHE-ECDSA-CHACHA20-POLY1305",
    );
    expect(await cipher({ cipherSuites: suites })).toMatch(/^TLSv1.3 TLS_/);
    expect(await cipher({ minVersion: "TLS1.3" })).toMatch(/^TLSv1.3 TLS_/);
  });
});

/** Whose certificate a listener shows. */
async function commonName(port: number): Promise<string> {
  const { client } = await loadPeerTls(config(), NO_LOGGER);
  return await new Promise((resolve, reject) => {
    const socket = connect({ ...secureContextOptions(client), host: "127.0.0.1", port }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.once("error", reject);
  });
}

/** Version and suite on which two sides agree. */
async function handshake(server: object, client: object): Promise<string> {
  const listener: Server = createServer({ ...server, requestCert: true, rejectUnauthorized: true });
  await new Promise<void>((resolve) => {
    listener.listen(0, "127.0.0.1", resolve);
  });
  try {
    return await new Promise<string>((resolve, reject) => {
      const socket = connect({ ...client, host: "127.0.0.1", port: (listener.address() as AddressInfo).port }, () => {
        const { name } = socket.getCipher();
        resolve(`${socket.getProtocol()} ${name}`);
        socket.destroy();
      });
      socket.once("error", reject);
    });
  } finally {
    listener.close();
  }
}

// Where peers are required, a missing one is a failure and not a suite that nobody misses.
const isHere = findPeer("etcd-3.4") !== undefined || peersAreRequired();
(isHere ? describe : describe.skip)("a real etcd 3.4.23 that asks for certificates", () => {
  it("talks to a member whose certificate comes from the same authority, and to nobody else", async () => {
    const [port = 0] = await freePorts(1);
    const url = `https://127.0.0.1:${port}`;
    await using node = await EtcdNode.start({
      program: [requirePeer("etcd-3.4")],
      medium: "memory",
      flags: [
        "--name=secure",
        `--listen-peer-urls=${url}`,
        `--initial-advertise-peer-urls=${url}`,
        `--initial-cluster=secure=${url}`,
        `--peer-cert-file=${file("member.pem")}`,
        `--peer-key-file=${file("member.key.pem")}`,
        `--peer-trusted-ca-file=${file("ca.pem")}`,
      ],
    });
    const members = async (tls: PeerTlsConfig): Promise<unknown> => {
      const client = new PeerClient((await loadPeerTls(tls, NO_LOGGER)).client);
      const answer = await client.getMembers(url, 5000);
      return answer.members.map(({ peerUrls }) => peerUrls);
    };

    expect(node.running).toBe(true);
    expect(await members(config())).toEqual([[url]]);
    await expect(members(config({}, "stranger"))).rejects.toThrow(/alert|certificate/i);
    await expect(members(config({ trustedCaFile: file("other-ca.pem") }))).rejects.toThrow(/certificate/i);
  });
});
