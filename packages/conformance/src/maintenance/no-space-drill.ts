import { randomBytes } from "node:crypto";
import { EtcdNode } from "@quorate/testkit";
import { etcdctl, type Printed } from "./etcdctl.ts";

const MIB = 1024 * 1024;
/** As in etcd's own page about this. */
const QUOTA_BYTES = 16 * MIB;
const PUTS_MAX = 64;

/** One step of the drill and what was seen. */
export interface DrillStep {
  readonly step: string;
  readonly seen: string;
}

/**
 * What etcd's maintenance page tells an operator whose quota is used up, step by step, with its own etcdctl: fill, refused, the alarm,
 * compact, defragment, disarm, writable again.
 */
export async function noSpaceDrill(program: readonly string[]): Promise<readonly DrillStep[]> {
  await using node = await EtcdNode.start({ program, flags: [`--quota-backend-bytes=${QUOTA_BYTES}`] });
  const { endpoint } = node;
  const steps: DrillStep[] = [];
  const see = async (step: string, args: readonly string[], stdin?: string): Promise<Printed> => {
    const printed = await etcdctl(endpoint, args, stdin);
    steps.push({ step, seen: masked(printed) });
    return printed;
  };
  await fill(endpoint, steps);
  await see("the alarm is on", ["alarm", "list"]);
  await see("a small put is refused", ["put", "small", "1"]);
  await see("a lease is refused", ["lease", "grant", "60"]);
  await see("a transaction that puts is refused", ["txn"], "\n\nput small 1\n\n\n");
  await see("a transaction that only deletes is let through", ["txn"], "\n\ndel nothing\n\n\n");
  await see("a get is answered", ["get", "nothing"]);
  await see("a delete is let through", ["del", "nothing"]);
  const status = await etcdctl(endpoint, ["endpoint", "status", "--write-out=json"]);
  const revision = /"revision":(\d+)/.exec(status.output)?.[1] ?? "0";
  const before = sizeOf(status);
  await see("history is compacted", ["compact", revision]);
  await see("space is given back", ["defrag"]);
  const after = sizeOf(await etcdctl(endpoint, ["endpoint", "status", "--write-out=json"]));
  steps.push({ step: "the database is smaller than a quarter", seen: String(after < before / 4) });
  await see("still refused: the alarm stays on", ["put", "small", "1"]);
  await see("the alarm is disarmed", ["alarm", "disarm"]);
  await see("no alarm is left", ["alarm", "list"]);
  await see("writable again", ["put", "small", "1"]);
  return steps;
}

/** Overwrites one key with a mebibyte until the quota is used up. */
async function fill(endpoint: string, steps: DrillStep[]): Promise<void> {
  for (let i = 0; i < PUTS_MAX; i++) {
    // Values that no engine can compress, in base64 as they go through a pipe of text.
    const printed = await etcdctl(endpoint, ["put", "key"], randomBytes((3 * MIB) / 4).toString("base64"));
    if (printed.code === 0) continue;
    steps.push({ step: "filled", seen: `${masked(printed)}, after at least 8 puts: ${i >= 8}` });
    return;
  }
  steps.push({ step: "filled", seen: "never" });
}

function sizeOf({ output }: Printed): number {
  return Number(/"dbSize":(\d+)/.exec(output)?.[1] ?? Number.NaN);
}

/** Without what differs from server to server and time to time. */
function masked({ code, errors, output }: Printed): string {
  const text = `${output}${errors}`
    .replaceAll(/"ts":"[^"]*"|127\.0\.0\.1:\d+|0x[0-9a-f]+|took [\d.]+\w+/g, "…")
    .replaceAll(/memberID:\d+ /g, "memberID:… ")
    .replaceAll(/compacted revision \d+/g, "compacted revision …")
    .trim();
  return `${code}: ${text}`;
}
