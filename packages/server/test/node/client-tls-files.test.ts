import { createPrivateKey, X509Certificate } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { type Logger, NO_LOGGER } from "@quorate/base";
import { type IssuedPair, type TemporaryDirectory, TestAuthority, temporaryDirectory } from "@quorate/testkit";
import type { ServerTlsConfig } from "../../src/node/config/index.ts";
import { removeStaleSocket } from "../../src/node/stale-socket.ts";
import { loadClientTls } from "../../src/node/tls/client-tls-files.ts";
import { loadRevocationReader } from "../../src/node/tls/revoked-serials.ts";
import { openSelfSigned } from "../../src/node/tls/self-signed.ts";

const YEAR_MS = 365 * 24 * 3600 * 1000;

let directory: TemporaryDirectory;
let authority: TestAuthority;
let pair: IssuedPair;
const lines: string[] = [];
const logger: Logger = {
  ...NO_LOGGER,
  info: (message) => void lines.push(message),
  warn: (message, fields) => {
    const error = fields?.["error"];
    lines.push(typeof error === "string" ? `${message}: ${error}` : message);
  },
};

beforeAll(async () => {
  directory = temporaryDirectory("quorate-client-tls-");
  authority = await TestAuthority.create(directory.path);
  pair = await authority.issue("server");
});
afterAll(() => directory.remove());
beforeEach(() => {
  lines.length = 0;
});

function config(change: Partial<ServerTlsConfig> = {}): ServerTlsConfig {
  return {
    certFile: pair.certFile,
    keyFile: pair.keyFile,
    selfSigned: undefined,
    trustedCaFile: authority.caFile,
    crlFile: undefined,
    clientCertAuth: true,
    allowedCns: [],
    allowedHostnames: [],
    cipherSuites: [],
    minVersion: "TLS1.2",
    maxVersion: undefined,
    ...change,
  };
}

/** A socket whose other side has shown this certificate. */
function shown(subject: object, serialNumber: string): TLSSocket {
  const certificate = { subject, subjectaltname: "DNS:a.test", serialNumber };
  return { getPeerCertificate: () => certificate } as unknown as TLSSocket;
}

describe("loadClientTls", () => {
  it("says what it starts with, and nothing of what the files hold", async () => {
    const said: unknown[] = [];
    await loadClientTls(config(), { ...NO_LOGGER, info: (message, fields) => void said.push([message, fields]) });

    expect(said).toEqual([
      [
        "starting with client TLS",
        {
          "tls-info":
            `cert = ${pair.certFile}, key = ${pair.keyFile}, trusted-ca = ${authority.caFile}, ` +
            "client-cert-auth = true, crl-file = ",
          "cipher-suites": [],
        },
      ],
    ]);
  });

  it("goes on with the authorities it has while their file is half written, with one warning, and takes the whole one", async () => {
    const caFile = join(directory.path, "pool.pem");
    writeFileSync(caFile, authority.certificate);
    const tls = await loadClientTls(config({ trustedCaFile: caFile }), logger);
    lines.length = 0;
    const before = tls.renew?.();
    const both = authority.certificate + pair.certificate;

    for (const bytes of [0, 20, authority.certificate.length + 100, both.length - 10]) {
      writeFileSync(caFile, both.slice(0, bytes));
      expect(tls.renew?.()).toBe(before);
    }
    expect(lines).toEqual([
      `cannot use the changed TLS files; the ones before stay in use: ${caFile} holds no certificate`,
    ]);
    writeFileSync(caFile, both);
    expect(String(tls.renew?.().ca)).toBe(both);
    expect(lines[1]).toBe("read the changed TLS files");
  });

  it("notices files that are replaced by a changed symbolic link, as Kubernetes does", async () => {
    const [link, next] = [join(directory.path, "..data"), join(directory.path, "..data_next")];
    const publish = async (version: string): Promise<IssuedPair> => {
      const folder = join(directory.path, version);
      mkdirSync(folder);
      const issued = await authority.issue(version);
      copyFileSync(issued.certFile, join(folder, "tls.crt"));
      copyFileSync(issued.keyFile, join(folder, "tls.key"));
      symlinkSync(folder, next);
      renameSync(next, link);
      return issued;
    };
    await publish("v1");
    const at = { certFile: join(link, "tls.crt"), keyFile: join(link, "tls.key") };
    const tls = await loadClientTls(config(at), logger);
    const second = await publish("v2");

    expect(String(tls.renew?.().cert)).toBe(second.certificate);
    expect(lines.at(-1)).toBe("read the changed TLS files");
  });

  it("looks at the rules for certificates as they are at the time", async () => {
    const crlFile = await authority.revoke("list.crl", ["0a01"]);
    const tls = await loadClientTls(config({ crlFile, allowedCns: ["x", "y"] }), logger);
    const verdict = (subject: object, serial: string): string | undefined => tls.verify?.(shown(subject, serial));

    expect(verdict({ CN: "y" }, "0B01")).toBeUndefined();
    expect(verdict({ CN: ["z", "x"] }, "0B01")).toBeUndefined();
    expect(verdict({ CN: ["x", "z"] }, "0B01")).toBe(
      'client certificate authentication failed: common name "z" is not allowed',
    );
    expect(verdict({}, "0B01")).toBe('client certificate authentication failed: common name "" is not allowed');
    expect(verdict({ CN: "x" }, "A01")).toBe("transport: certificate serial a01 revoked");
    await authority.revoke("list.crl", []);
    tls.renew?.();
    expect(verdict({ CN: "x" }, "A01")).toBeUndefined();
    writeFileSync(crlFile, "nonsense");
    tls.renew?.();
    expect(lines.at(-1)).toContain("list.crl is not a certificate revocation list");
  });

  it("warns of a certificate of its own whose time is over, or still to come", async () => {
    const expired = await authority.issue("expired", { notAfterMs: Date.now() - 1000 });
    const early = await authority.issue("early", { notBeforeMs: Date.now() + 3_600_000 });
    for (const { certFile, keyFile } of [expired, early]) await loadClientTls(config({ certFile, keyFile }), logger);

    expect(lines.filter((line) => !line.startsWith("starting"))).toEqual([
      "certificate has expired",
      "certificate is not valid yet",
    ]);
  });

  it("asks for no certificate where there is no authority", async () => {
    const tls = await loadClientTls(config({ trustedCaFile: undefined, clientCertAuth: false }), logger);

    expect([tls.requestCert, tls.rejectUnauthorized]).toEqual([false, false]);
    expect(tls.verify?.(shown({}, "1"))).toBeUndefined();
  });
});

describe("a list of revoked certificates", () => {
  it("is read from PEM as from the bytes inside it, and only whole", async () => {
    const path = await authority.revoke("two.crl", ["01ff", "02"]);
    const read = await loadRevocationReader();
    expect([...read(path)]).toEqual(["1ff", "2"]);
    const block = `-----BEGIN X509 CRL-----\n${readFileSync(path).toString("base64")}\n-----END X509 CRL-----\n`;

    writeFileSync(path, block + block);
    expect([...read(path)]).toEqual(["1ff", "2"]);
    writeFileSync(path, (block + block).slice(0, -20));
    expect(() => read(path)).toThrow(`${path} holds something other than whole certificate revocation lists`);
  });
});

describe("a certificate of the member's own making", () => {
  const files = (name: string): { readonly certFile: string; readonly keyFile: string } => {
    const folder = join(directory.path, "fixtures", name);
    return { certFile: join(folder, "cert.pem"), keyFile: join(folder, "key.pem") };
  };
  const wanted = { hosts: ["127.0.0.1", "::1", "a.test"], validityYears: 2 };
  const certificateOf = (path: string): X509Certificate => new X509Certificate(readFileSync(path));

  it("is for the hosts and years asked for, and its key is nobody else's to read", async () => {
    const { certFile, keyFile } = files("first");
    await openSelfSigned({ certFile, keyFile }, wanted, logger);
    const certificate = certificateOf(certFile);

    expect(certificate.subjectAltName).toBe("IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, DNS:a.test");
    expect(Math.abs(Date.parse(certificate.validTo) - Date.now() - 2 * YEAR_MS)).toBeLessThan(120_000);
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);
    expect(lines).toEqual(["automatically generate certificates"]);
  });

  it("is kept while it is valid, and made anew when it has expired, at a start or meanwhile", async () => {
    const at = files("second");
    let nowMs = Date.now();
    await openSelfSigned(at, wanted, logger, () => nowMs);
    const { serialNumber } = certificateOf(at.certFile);
    await openSelfSigned(at, wanted, logger, () => nowMs);
    expect(certificateOf(at.certFile).serialNumber).toBe(serialNumber);

    nowMs += 2 * YEAR_MS + 1000;
    const own = await openSelfSigned(at, wanted, logger, () => nowMs);
    const second = certificateOf(at.certFile).serialNumber;
    expect(second).not.toBe(serialNumber);

    own.renewIfExpired();
    nowMs += 2 * YEAR_MS + 1000;
    own.renewIfExpired();
    own.renewIfExpired();
    await untilChanged(at.certFile, second);
    expect(lines).toHaveLength(3);
  });

  it("is made anew when it is damaged or its key is another's", async () => {
    const at = files("third");
    await openSelfSigned(at, wanted, logger);
    for (const [path, content] of [
      [at.certFile, "nonsense"],
      [at.keyFile, pair.key],
    ] as const) {
      writeFileSync(path, content);
      await openSelfSigned(at, wanted, logger);
      const key = createPrivateKey(readFileSync(at.keyFile));
      expect(certificateOf(at.certFile).checkPrivateKey(key)).toBe(true);
      expect(readFileSync(at.keyFile, "utf8")).not.toBe(pair.key);
    }
  });
});

describe("removeStaleSocket", () => {
  it("removes sockets and nothing else", async () => {
    const path = join(directory.path, "s");
    removeStaleSocket(path);
    writeFileSync(path, "precious");
    removeStaleSocket(path);
    expect(readFileSync(path, "utf8")).toBe("precious");

    const socket = join(directory.path, "t");
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(socket, resolve);
    });
    removeStaleSocket(socket);
    expect(statSync(socket, { throwIfNoEntry: false })).toBeUndefined();
    server.close();
  });
});

async function untilChanged(path: string, serialNumber: string): Promise<void> {
  const untilMs = performance.now() + 10_000;
  while (new X509Certificate(readFileSync(path)).serialNumber === serialNumber) {
    if (performance.now() > untilMs) throw new Error("no new certificate");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
