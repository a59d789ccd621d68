import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { requirePeer, serverUnderTest } from "@quorate/testkit";
import { table } from "./report.ts";
import { type Comparison, compare } from "./side-by-side.ts";
import { WORKLOADS } from "./workloads.ts";

const USAGE = `Runs Quorate and a real etcd side by side and prints the ratio of each workload.

  npm run bench -- [--rounds 5] [--only put-10x50,get-linearizable] [--peer 3.4|3.5] [--json]

Workloads: ${WORKLOADS.map((workload) => workload.name).join(", ")}`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "5" },
      only: { type: "string" },
      peer: { type: "string", default: "3.4" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const only = values.only?.split(",");
  const chosen = WORKLOADS.filter((workload) => only === undefined || only.includes(workload.name));
  const quorate = serverUnderTest(join(dirname(fileURLToPath(import.meta.url)), "../../.."));
  if (quorate === undefined) throw new Error("no server to measure: run npm run build");
  const etcd = [requirePeer(values.peer === "3.5" ? "etcd-3.5" : "etcd-3.4")];
  const comparisons: Comparison[] = [];
  for (const workload of chosen) {
    comparisons.push(await compare(workload, { etcd, quorate }, Number(values.rounds), (line) => console.error(line)));
  }
  if (values.json) console.log(JSON.stringify(comparisons, undefined, 2));
  else console.log(table(comparisons));
}

await main();
