import { describe, expect, it } from "@jest/globals";
import { FlagValues } from "../../src/frame/flag-values.ts";
import { endpointsFromFlags, type ServiceRecord } from "../../src/online/discovery.ts";
import { GLOBAL_FLAGS } from "../../src/online/global-flags.ts";
import { CapturedOutput } from "../captured-run.ts";

const RECORDS: Readonly<Record<string, readonly ServiceRecord[]>> = {
  "_etcd-client-ssl._tcp.example.com": [{ name: "a.example.com.", port: 2379 }],
  "_etcd-client._tcp.example.com": [{ name: "b.example.com", port: 23790 }],
  "_etcd-client-blue._tcp.example.com": [{ name: "blue.example.com", port: 1 }],
};

async function endpoints(given: Readonly<Record<string, string>>): Promise<{ list: readonly string[]; said: string }> {
  const flags = new FlagValues(GLOBAL_FLAGS);
  for (const [name, text] of Object.entries(given)) {
    const spec = flags.spec(name);
    if (spec !== undefined) flags.set(spec, text);
  }
  const stderr = new CapturedOutput();
  const list = await endpointsFromFlags({ flags, stderr }, async (service) => {
    const records = RECORDS[service];
    if (records === undefined) throw new Error(`querySrv ENOTFOUND ${service}`);
    return records;
  });
  return { list, said: stderr.text };
}

describe("endpoints", () => {
  it("are those given, without spaces, or those that SRV records name", async () => {
    expect((await endpoints({})).list).toEqual(["127.0.0.1:2379"]);
    expect((await endpoints({ endpoints: "a:1, b:2" })).list).toEqual(["a:1", "b:2"]);
    expect((await endpoints({ "discovery-srv": "example.com" })).list).toEqual([
      "https://a.example.com:2379",
      "http://b.example.com:23790",
    ]);
    expect((await endpoints({ "discovery-srv": "example.com", "discovery-srv-name": "blue" })).list).toEqual([
      "http://blue.example.com:1",
    ]);
  });

  it("without TLS are left out where that is asked for", async () => {
    expect(await endpoints({ "discovery-srv": "example.com", "insecure-discovery": "false" })).toEqual({
      list: ["https://a.example.com:2379"],
      said: 'ignoring discovered insecure endpoint "http://b.example.com:23790"\n',
    });
  });

  it("that nobody names are an error", async () => {
    await expect(endpoints({ "discovery-srv": "none.example" })).rejects.toThrow(
      "error querying DNS SRV records for _etcd-client-ssl._tcp.none.example: querySrv ENOTFOUND",
    );
    await expect(endpoints({ endpoints: "" })).rejects.toMatchObject({ exitCode: 2 });
  });
});
