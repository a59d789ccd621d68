import { expect, it } from "@jest/globals";
import { EtcdNode, TestAuthority, temporaryDirectory } from "@quorate/testkit";
import { EtcdClient, type TlsOptions } from "../src/index.ts";
import { withServers } from "./support/servers.ts";

withServers("TLS", ({ program }) => {
  it("checks certificates both ways", async () => {
    using directory = temporaryDirectory("quorate-client-", "memory");
    const authority = await TestAuthority.create(directory.path);
    const stranger = await TestAuthority.create(directory.path, "stranger");
    const server = await authority.issue("server", { hosts: ["127.0.0.1", "member.example"] });
    const mine = await authority.issue("client");
    const theirs = await stranger.issue("other");
    const clientTls = { ...server, trustedCaFile: authority.caFile, clientCertAuth: true };
    await using node = await EtcdNode.start({ program, medium: "memory", clientTls });
    const pair = { cert: mine.certificate, key: mine.key };
    let dialTimeoutMs = 10_000;
    const put = async (tls: TlsOptions | undefined, endpoint: string = node.endpoint): Promise<number> => {
      await using client = new EtcdClient({ endpoints: [endpoint], dialTimeoutMs, ...(tls ? { tls } : {}) });
      return (await client.kv.put("a", "1")).header.revision;
    };

    const good = { ca: authority.certificate, ...pair };
    expect(await put(good)).toBe(2);
    expect(await put(good, `https://${node.endpoint}`)).toBe(3);
    expect(await put({ ...good, serverName: "member.example" })).toBe(4);
    expect(await put({ ...pair, insecureSkipVerify: true })).toBe(5);

    const unreachable = (reason: RegExp) => ({ code: "unreachable", message: expect.stringMatching(reason) });
    dialTimeoutMs = 1_000;
    await expect(put({ ...good, ca: stranger.certificate })).rejects.toMatchObject(unreachable(/certificate/));
    await expect(put({ ...good, serverName: "another.example" })).rejects.toMatchObject(unreachable(/altnames/));
    await expect(put(pair)).rejects.toMatchObject(unreachable(/certificate/));
    dialTimeoutMs = 300;
    await expect(put({ ca: authority.certificate })).rejects.toMatchObject({ code: "unreachable" });
    await expect(put({ ca: authority.certificate, cert: theirs.certificate, key: theirs.key })).rejects.toMatchObject({
      code: "unreachable",
    });
    await expect(put(undefined)).rejects.toMatchObject({ name: "EtcdError" });
    await expect(put(good, `http://${node.endpoint}`)).rejects.toMatchObject({ name: "EtcdError" });
  }, 60_000);
});
