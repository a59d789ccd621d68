import { createSocket, type Socket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import { withDiscoveredCluster } from "../../src/node/bootstrap.ts";
import { discoverCluster, type SrvResolver, srvRecords } from "../../src/node/discovery-srv.ts";
import { configOf, parse } from "../config/parse-config.ts";

interface Target {
  readonly name: string;
  readonly port: number;
}

/** A domain with services by their whole name, and addresses by host. */
function domain(
  services: Readonly<Record<string, readonly Target[]>>,
  addresses: Readonly<Record<string, string>> = {},
): SrvResolver & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    resolveSrv: async (name) => {
      asked.push(name);
      const records = services[name];
      if (records === undefined) throw new Error(`querySrv ENOTFOUND ${name}`);
      return records;
    },
    resolveHost: async (host) => addresses[host],
  };
}

const THREE = { "a.example.com": "10.0.0.1", "b.example.com": "10.0.0.2", "c.example.com": "10.0.0.3" };
const target = (name: string, port = 2380): Target => ({ name: `${name}.example.com`, port });

async function discover(resolver: SrvResolver, ...flags: string[]): Promise<string> {
  const config = configOf(
    parse(["--name=me", "--initial-advertise-peer-urls=http://10.0.0.2:2380", "--discovery-srv=example.com", ...flags]),
  );
  expect(config.initialCluster).toEqual([]);
  const { initialCluster } = await withDiscoveredCluster(config, resolver);
  expect(initialCluster).toEqual(await discoverCluster(config, resolver));
  return initialCluster.map(({ name, peerUrls }) => `${name}=${peerUrls.map(({ text }) => text).join("+")}`).join(" ");
}

describe("discovery by SRV records", () => {
  it("takes the targets for members, knows its own by address, and numbers the others", async () => {
    const resolver = domain({ "_etcd-server._tcp.example.com": [target("a"), target("b"), target("c")] }, THREE);

    expect(await discover(resolver)).toBe(
      "0=http://a.example.com:2380 1=http://c.example.com:2380 me=http://b.example.com:2380",
    );
    expect(resolver.asked.slice(0, 2)).toEqual(["_etcd-server-ssl._tcp.example.com", "_etcd-server._tcp.example.com"]);
  });

  it("asks for the services of a name", async () => {
    const resolver = domain({ "_etcd-server-blue._tcp.example.com": [target("b")] }, THREE);

    expect(await discover(resolver, "--discovery-srv-name=blue")).toBe("me=http://b.example.com:2380");
    expect(resolver.asked[0]).toBe("_etcd-server-ssl-blue._tcp.example.com");
  });

  it("takes TLS from the service that a target stands in", async () => {
    const resolver = domain({ "_etcd-server-ssl._tcp.example.com": [target("a"), target("b")] }, THREE);
    const advertised = "--initial-advertise-peer-urls=https://10.0.0.2:2380";

    expect(await discover(resolver, advertised)).toBe("0=https://a.example.com:2380 me=https://b.example.com:2380");
  });

  it("leaves out targets without an address, and takes trailing dots away", async () => {
    const resolver = domain(
      { "_etcd-server._tcp.example.com": [target("gone"), { name: "b.example.com.", port: 2380 }] },
      THREE,
    );

    expect(await discover(resolver)).toBe("me=http://b.example.com:2380");
  });

  it("fails without a record of its own, in etcd's words", async () => {
    await expect(discover(domain({ "_etcd-server._tcp.example.com": [target("a")] }, THREE))).rejects.toThrow(
      'cannot find local etcd member "me" in SRV records',
    );
  });

  it("fails without records, naming both services", async () => {
    await expect(discover(domain({}))).rejects.toThrow(
      "error querying DNS SRV records for _etcd-server-ssl querySrv ENOTFOUND _etcd-server-ssl._tcp.example.com; " +
        "error querying DNS SRV records for _etcd-server querySrv ENOTFOUND _etcd-server._tcp.example.com",
    );
  });

  it("fails when it is found with another scheme than it advertises", async () => {
    await expect(discover(domain({ "_etcd-server-ssl._tcp.example.com": [target("b")] }, THREE))).rejects.toThrow(
      "bootstrap at https://b.example.com:2380 from DNS for etcd-server-ssl has scheme mismatch with expected peer http://10.0.0.2:2380",
    );
  });
});

describe("SRV records over the wire", () => {
  let server: Socket | undefined;
  afterEach(() => {
    server?.close();
  });

  it("come best first", async () => {
    const socket = createSocket("udp4");
    server = socket;
    socket.on("message", (query, from) => socket.send(answerOf(query), from.port, from.address));
    await new Promise<void>((resolve) => {
      socket.bind(0, "127.0.0.1", resolve);
    });
    const resolver = new Resolver({ timeout: 2000, tries: 1 });
    resolver.setServers([`127.0.0.1:${(socket.address() as AddressInfo).port}`]);

    const records = await srvRecords(resolver, "_etcd-server._tcp.example.com");

    expect(records.map(({ name, port }) => `${name}:${port}`)).toEqual(["x:2380", "z:2381", "y:2382"]);
  });
});

/** A DNS answer with three records to the one question: y of priority 2, x of 1, z of 2 with more weight than y. */
function answerOf(query: Buffer): Buffer {
  const header = Buffer.from(query.subarray(0, 12));
  // An answer, without errors; one question, three answers, nothing more.
  header.writeUInt16BE(0x8180, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(3, 6);
  header.writeUInt32BE(0, 8);
  const nameEnd = query.indexOf(0, 12);
  const question = query.subarray(12, nameEnd + 5);
  const record = (name: string, priority: number, weight: number, port: number): Buffer => {
    const data = Buffer.from([0, priority, 0, weight, port >> 8, port & 0xff, 1, name.charCodeAt(0), 0]);
    // The question's name by reference, type SRV, class IN, a minute to live.
    return Buffer.concat([Buffer.from([0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0, data.length]), data]);
  };
  return Buffer.concat([header, question, record("y", 2, 1, 2382), record("x", 1, 1, 2380), record("z", 2, 9, 2381)]);
}
