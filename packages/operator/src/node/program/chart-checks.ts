import {
  ETCD_BACKUP_SCHEDULES,
  ETCD_BACKUPS,
  ETCD_CLUSTERS,
  ETCD_MEMBERS,
  ETCD_RESTORES,
  type Resource,
} from "../../core/index.ts";
import { type FlagSpec, flagHelp, parseFlags } from "../config/index.ts";
import { KubeClient, RestClient } from "../kube/index.ts";
import { connect, SYSTEM_CLOCK } from "./connect.ts";
import { EXIT } from "./exit-code.ts";
import type { ProgramCall } from "./subcommand.ts";

const PREFIX = "QUORATE_OPERATOR_";
const FLAGS: readonly FlagSpec[] = [
  { name: "namespaces", kind: "list", usage: "Namespaces to look into; empty: all." },
  { name: "kubeconfig", kind: "string", usage: "Kubeconfig file; empty: the Pod's service account." },
];
const CHECK_FLAGS: readonly FlagSpec[] = [
  ...FLAGS,
  { name: "ready-url", kind: "string", usage: "Address of the operator's /readyz." },
  { name: "timeout", kind: "duration", default: "60s", usage: "How long the operator may take to be ready." },
];
const PAUSE_MS = 1000;

/** `quorate-operator guard`: refuses, before the operator is uninstalled, if there are clusters that it would leave behind. */
export async function guardUninstall(call: ProgramCall): Promise<number> {
  const flags = readFlags(FLAGS, call);
  if (typeof flags === "number") return flags;
  return await withClient(flags, call, async (client) => {
    const lists = await Promise.all(flags.namespaces.map((namespace) => client.list(ETCD_CLUSTERS, namespace)));
    const names = lists.flat().map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
    if (names.length === 0) return EXIT.done;
    call.stderr(
      `There are ${names.length} EtcdClusters: ${names.slice(0, 20).join(", ")}.\n` +
        "Nobody would look after them. Delete them first, or set deletionGuard.force and upgrade before uninstalling.\n",
    );
    return EXIT.failed;
  });
}

/** `quorate-operator check`: the operator is ready, and the API server has its kinds and lets it read them. */
export async function checkInstallation(call: ProgramCall): Promise<number> {
  const flags = readFlags(CHECK_FLAGS, call);
  if (typeof flags === "number") return flags;
  return await withClient(flags, call, async (client) => {
    const kinds: readonly Resource[] = [
      ETCD_BACKUPS,
      ETCD_BACKUP_SCHEDULES,
      ETCD_CLUSTERS,
      ETCD_MEMBERS,
      ETCD_RESTORES,
    ];
    for (const resource of kinds)
      for (const namespace of flags.namespaces)
        call.stdout(`${resource.plural}: ${(await client.list(resource, namespace)).length}\n`);
    const url = String(flags.values.get("ready-url"));
    const deadlineMs = SYSTEM_CLOCK.nowMs() + Number(flags.values.get("timeout"));
    let last = "not asked";
    while (SYSTEM_CLOCK.nowMs() < deadlineMs && !call.stop.aborted) {
      last = await readiness(url);
      call.stdout(`${url}: ${last}\n`);
      if (last === "ready") return EXIT.done;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    call.stderr(`the operator is not ready: ${last}\n`);
    return EXIT.failed;
  });
}

async function readiness(url: string): Promise<string> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(5000) });
    return answer.status === 200 ? "ready" : `${answer.status} ${(await answer.text()).trim()}`;
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    return cause instanceof Error ? cause.message : String(cause);
  }
}

interface Flags {
  readonly values: ReturnType<typeof parseFlags>["values"];
  readonly namespaces: readonly string[];
}

/** The flags, or the exit code of a call that is over. */
function readFlags(specs: readonly FlagSpec[], { argv, stdout, stderr }: ProgramCall): Flags | number {
  const { values, problems, wantsHelp } = parseFlags(specs, { argv, environment: {}, prefix: PREFIX });
  if (wantsHelp) {
    stdout(flagHelp(specs, PREFIX));
    return EXIT.done;
  }
  if (problems.length > 0) {
    stderr(`${problems.join("\n")}\n`);
    return EXIT.usage;
  }
  const given = values.get("namespaces") as readonly string[];
  return { values, namespaces: given.length === 0 ? [""] : given };
}

async function withClient(
  { values }: Flags,
  call: ProgramCall,
  work: (client: KubeClient) => Promise<number>,
): Promise<number> {
  const connection = await connect({ kubeconfig: String(values.get("kubeconfig")), context: "" }, call.environment);
  const rest = new RestClient(connection);
  try {
    return await work(new KubeClient({ rest, nowMs: () => SYSTEM_CLOCK.nowMs() }));
  } catch (error) {
    call.stderr(`${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT.failed;
  } finally {
    rest.close();
  }
}
