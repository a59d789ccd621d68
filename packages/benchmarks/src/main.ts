import { parseArgs } from "node:util";
import { CLUSTER_WORKLOADS } from "./cluster-workloads.ts";
import { openCluster, openNode, programs } from "./contestants.ts";
import { MTLS_WORKLOADS, MtlsCertificates } from "./mtls.ts";
import { table } from "./report.ts";
import { type Comparison, type ComparisonOptions, compare } from "./side-by-side.ts";
import { type Subject, WORKLOADS, type Workload } from "./workloads.ts";

const USAGE = `Runs Quorate and a real etcd side by side and prints the ratio of each workload.

  npm run bench -- [--members 1|3] [--mtls] [--rounds 5] [--only put-10x50,get-linearizable] [--peer 3.4|3.5] [--json]

Workloads of one server: ${names(WORKLOADS)}
Workloads of three members: ${names(CLUSTER_WORKLOADS)}
Workloads of one server with client certificates (--mtls): ${names(MTLS_WORKLOADS)}`;

/** What a run of six processes leaves to the background is over sooner than this. */
const CLUSTER_REST_MS = 500;

function names(subjects: readonly Subject[]): string {
  return subjects.map(({ name }) => name).join(", ");
}

async function compareAll<Target>(
  workloads: readonly Workload<Target>[],
  only: string | undefined,
  options: ComparisonOptions<Target>,
): Promise<readonly Comparison[]> {
  const wanted = only?.split(",");
  const comparisons: Comparison[] = [];
  for (const workload of workloads) {
    if (wanted === undefined || wanted.includes(workload.name)) comparisons.push(await compare(workload, options));
  }
  return comparisons;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      members: { type: "string", default: "1" },
      mtls: { type: "boolean", default: false },
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
  const common = {
    programs: programs(values.peer),
    rounds: Number(values.rounds),
    progress: (line: string) => console.error(line),
  };
  const comparisons = await chosen(values, common);
  if (values.json) console.log(JSON.stringify(comparisons, undefined, 2));
  else console.log(table(comparisons));
}

async function chosen(
  { members, mtls, only }: { readonly members: string; readonly mtls: boolean; readonly only?: string },
  common: Omit<ComparisonOptions<never>, "open">,
): Promise<readonly Comparison[]> {
  if (mtls) {
    await using certificates = await MtlsCertificates.create();
    return await compareAll(MTLS_WORKLOADS, only, { ...common, open: (program) => certificates.openNode(program) });
  }
  return members === "3"
    ? await compareAll(CLUSTER_WORKLOADS, only, { ...common, open: openCluster, restMs: CLUSTER_REST_MS })
    : await compareAll(WORKLOADS, only, { ...common, open: openNode });
}

await main();
