/** Signed tokens that a real etcd issues are good at the server under test with the same keys, and the other way round. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "@jest/globals";
import { EtcdNode, temporaryDirectory } from "@quorate/testkit";
import { peerProgram } from "../src/command-line.ts";
import { EtcdApi } from "../src/etcd-api.ts";
import { peerSuite } from "./peer-suite.ts";

interface Pair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const rsa = (): Pair => generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = (namedCurve: string) => (): Pair => generateKeyPairSync("ec", { namedCurve });
const METHODS: readonly (readonly [method: string, keys: () => Pair])[] = [
  ["RS256", rsa],
  ["PS384", rsa],
  ["ES256", ec("P-256")],
  ["ES512", ec("P-521")],
];

/** Users root and alice, who may read a; then users count. */
async function enableUsers(api: EtcdApi): Promise<void> {
  for (const name of ["root", "alice"]) await api.must("Auth/UserAdd", { name, password: "pw" });
  await api.must("Auth/UserGrantRole", { user: "root", role: "root" });
  await api.must("Auth/RoleAdd", { name: "r" });
  await api.must("Auth/RoleGrantPermission", { name: "r", perm: { permType: 0, key: Buffer.from("a") } });
  await api.must("Auth/UserGrantRole", { user: "alice", role: "r" });
  await api.must("Auth/AuthEnable", {});
}

async function ends(api: EtcdApi, token: string): Promise<readonly string[]> {
  const all: string[] = [];
  for (const key of ["a", "b"]) {
    const outcome = await api.call("KV/Range", { key: Buffer.from(key) }, undefined, { token });
    all.push(outcome.ok ? "ok" : outcome.message);
  }
  return all;
}

peerSuite("signed tokens", ["etcd-3.5"], (target) => {
  it.each(METHODS)(
    "of %s are the same to etcd 3.5.30",
    async (method, keys) => {
      const directory = temporaryDirectory("quorate-tokens-", "memory");
      const { privateKey, publicKey } = keys();
      const keyFile = join(directory.path, "key.pem");
      const publicFile = join(directory.path, "public.pem");
      // As `openssl genrsa` and `openssl ecparam` write them.
      const type = privateKey.asymmetricKeyType === "rsa" ? "pkcs1" : "sec1";
      writeFileSync(keyFile, privateKey.export({ type, format: "pem" }) as string);
      writeFileSync(publicFile, publicKey.export({ type: "spki", format: "pem" }));
      const flags = [
        `--auth-token=jwt,sign-method=${method},priv-key=${keyFile},pub-key=${publicFile},ttl=1h`,
        "--bcrypt-cost=4",
      ];
      await using etcd = await EtcdNode.start({ program: peerProgram("3.5.30"), flags, medium: "memory" });
      await using tested = await EtcdNode.start({ program: target, flags, medium: "memory" });
      using etcdApi = new EtcdApi(etcd.endpoint);
      using testedApi = new EtcdApi(tested.endpoint);
      const apis = [etcdApi, testedApi];
      const tokens: string[] = [];
      for (const api of apis) {
        await enableUsers(api);
        tokens.push(String((await api.must("Auth/Authenticate", { name: "alice", password: "pw" }))["token"]));
      }

      for (const api of apis) {
        for (const token of tokens) expect(await ends(api, token)).toEqual(["ok", "etcdserver: permission denied"]);
        const forged = tokens.map((token) => `${token.slice(0, -8)}AAAAAAAA`);
        for (const token of [...forged, "a.b.c"]) {
          expect(await ends(api, token)).toEqual(Array.from({ length: 2 }, () => "etcdserver: invalid auth token"));
        }
      }
      // Whoever has changed users has made all tokens old; of both kinds, at both servers.
      for (const api of apis) {
        const root = String((await api.must("Auth/Authenticate", { name: "root", password: "pw" }))["token"]);
        expect(await api.call("Auth/RoleAdd", { name: "another" }, undefined, { token: root })).toMatchObject({
          ok: true,
        });
        for (const token of tokens) {
          expect(await ends(api, token)).toEqual(
            Array.from({ length: 2 }, () => "etcdserver: revision of auth store is old"),
          );
        }
      }
      directory.remove();
    },
    60_000,
  );
});
