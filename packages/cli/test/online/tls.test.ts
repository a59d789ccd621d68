/** TLS by flags and variables, and one clear line for each way in which it can be wrong. */
import { describe, expect, it } from "@jest/globals";
import {
  EtcdNode,
  missingPeers,
  peersAreRequired,
  requirePeer,
  TestAuthority,
  temporaryDirectory,
} from "@quorate/testkit";
import { type CapturedRun, capturedRun } from "../captured-run.ts";

const missing = missingPeers(["etcd-3.5"]);
if (missing.length > 0) {
  it(`needs ${missing.join(", ")}`, () => {
    process.stderr.write(`skipped: TLS by flags needs ${missing.join(", ")}\n`);
    expect(peersAreRequired() ? missing : []).toEqual([]);
  });
} else {
  describe("TLS by flags", () => {
    it("reaches a server that asks for a certificate, and says what is wrong where it does not", async () => {
      using directory = temporaryDirectory("quorate-ctl-tls-", "memory");
      const authority = await TestAuthority.create(directory.path);
      const stranger = await TestAuthority.create(directory.path, "stranger");
      const server = await authority.issue("server");
      const mine = await authority.issue("client");
      const theirs = await stranger.issue("other");
      const clientTls = { ...server, trustedCaFile: authority.caFile, clientCertAuth: true };
      const program = [requirePeer("etcd-3.5")];
      await using node = await EtcdNode.start({ program, medium: "memory", clientTls });
      const url = `https://${node.endpoint}`;
      const put = (flags: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CapturedRun> =>
        capturedRun(["put", "a", "1", "--command-timeout=1s", ...flags], { env });
      const ca = `--cacert=${authority.caFile}`;
      const pair = [`--cert=${mine.certFile}`, `--key=${mine.keyFile}`];

      const good = { code: 0, stdout: "OK\n", stderr: "" };
      expect(await put([`--endpoints=${url}`, ca, ...pair])).toEqual(good);
      expect(await put([`--endpoints=${node.endpoint}`, ca, ...pair])).toEqual(good);
      expect(await put([`--endpoints=${url}`, "--insecure-skip-tls-verify", ...pair])).toEqual(good);
      const variables = {
        ETCDCTL_ENDPOINTS: url,
        ETCDCTL_CACERT: authority.caFile,
        ETCDCTL_CERT: mine.certFile,
        ETCDCTL_KEY: mine.keyFile,
      };
      expect(await put([], variables)).toEqual(good);

      const unreachable = (reason: RegExp) => ({
        code: 1,
        stderr: expect.stringMatching(
          new RegExp(`^warning: no endpoint .*${reason.source}.*\\nError: context deadline exceeded\\n$`),
        ),
      });
      expect(await put([`--endpoints=${url}`, `--cacert=${stranger.caFile}`, ...pair])).toMatchObject(
        unreachable(/certificate/),
      );
      expect(await put([`--endpoints=${url}`, ...pair])).toMatchObject(unreachable(/certificate/));
      // The alert may come after the connection has been given up.
      const refused = unreachable(/(TLS alert|Failed to connect)/);
      expect(await put([`--endpoints=${url}`, ca])).toMatchObject(refused);
      expect(
        await put([`--endpoints=${url}`, ca, `--cert=${theirs.certFile}`, `--key=${theirs.keyFile}`]),
      ).toMatchObject(refused);

      const wrong = (message: string) => ({ code: 128, stdout: "", stderr: expect.stringContaining(message) });
      expect(await put([`--endpoints=${url}`, `--cert=${mine.certFile}`])).toMatchObject(
        wrong(`KeyFile and CertFile must both be present[key: , cert: ${mine.certFile}]`),
      );
      expect(await put([`--endpoints=${url}`, ca, `--cert=${mine.certFile}`, `--key=${theirs.keyFile}`])).toMatchObject(
        wrong("key"),
      );
      expect(await put([`--endpoints=${url}`, `--cacert=${mine.keyFile}`, ...pair])).toMatchObject(
        wrong(`${mine.keyFile} has no certificate in PEM`),
      );
    }, 60_000);
  });
}
