import { EtcdCluster, type MemberOptions } from "@quorate/testkit";
import { Checks, type SuiteReport } from "../suite-report.ts";
import { checkpoint } from "./checkpoint.ts";
import { MemberClients } from "./member-clients.ts";

export interface OddRequestsOptions {
  /** The first one is the server under test. */
  readonly members: readonly MemberOptions[];
  readonly title: string;
}

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(" ", ""), "hex");

/** Unknown fields that members of etcd before 3.7 take, and put into the log, and later ones refuse. */
const FIELDS_OF_OLD_MEMBERS: readonly (readonly [what: string, field: Buffer])[] = [
  ["groups deep inside of each other", bytes("fb 07 ".repeat(20_000) + "fc 07 ".repeat(20_000))],
  ["groups that end otherwise than they began", bytes("fb 07 03 f4 07 fc 07")],
  ["a number of more than 64 bits", bytes("f8 07 ff ff ff ff ff ff ff ff ff 7f")],
  ["a field number of more than 29 bits", bytes("f8 ff ff ff 1f 01")],
];

/**
 * Requests that etcd 3.7 takes and members of etcd before it would not understand, or otherwise, if they met them in the log: a
 * field of another wire type ends them.
 */
const ODD_REQUESTS: readonly (readonly [what: string, method: string, request: Buffer])[] = [
  ["a lease that is no number", "KV/Put", bytes("0a 01 61 1a 00")],
  ["an unknown field", "KV/Put", bytes("0a 01 62 f8 07 01")],
  // { put { key: "c" } put { value: "v" } }, of which members before 3.7 keep the latter alone.
  ["a put in two parts", "KV/Txn", bytes("12 0a 12 03 0a 01 63 12 03 12 01 76")],
  ["a compaction whose revision is text", "KV/Compact", bytes("0a 00 08 01")],
  ["a lease's grant with a name", "Lease/LeaseGrant", bytes("08 3c 10 07 0a 01 78")],
];

/**
 * Sends odd requests to the server under test in a cluster with etcd before 3.7, and others to one of those: all members must hold
 * the same afterwards, and none may have ended.
 */
export async function oddRequestsRun({ members, title }: OddRequestsOptions): Promise<SuiteReport> {
  const checks = new Checks();
  const cluster = await EtcdCluster.start({ members, medium: "memory" });
  const clients = new MemberClients(cluster);
  const all = members.map((_, index) => index);
  try {
    await checks.run("odd requests", async () => {
      await clients.untilLeader();
      await Promise.all(all.map((member) => clients.untilVersionDecided(member)));
      for (const [what, method, request] of ODD_REQUESTS) {
        const outcome = await clients.api(0).callEncoded(method, request);
        checks.that(`${what}: taken`, outcome.ok, outcome);
      }
      for (const [what, field] of FIELDS_OF_OLD_MEMBERS) {
        const outcome = await clients.api(1).callEncoded("KV/Put", Buffer.concat([bytes("0a 01 65"), field]));
        checks.that(`${what}: taken by another member`, outcome.ok, outcome);
      }
      const { failures } = await checkpoint(clients, all);
      checks.equal("what members hold", failures, []);
    });
    for (const [index, { process }] of cluster.nodes.entries()) {
      checks.that(`member ${index} runs`, process.exit === undefined, process.log().slice(-2000));
    }
  } finally {
    clients.close();
    await cluster.close();
  }
  return { suite: `odd requests, ${title}`, figure: `${checks.count} checks`, failures: checks.failures };
}
