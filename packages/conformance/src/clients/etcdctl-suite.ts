import { EtcdNode, requirePeer } from "@quorate/testkit";
import { untilWatching } from "../ctl/open-watchers.ts";
import { type Printed, ToolProcess } from "../ctl/tool-process.ts";
import { Checks, type SuiteReport } from "../suite-report.ts";
import { ETCDCTL_COMMANDS, type EtcdctlCommand } from "./etcdctl-commands.ts";

const PERF_TIMEOUT_MS = 120_000;

/**
 * Runs the same etcdctl script against a real etcd and the server under test, each fresh: outputs, error texts and exit
 * codes must be the same once identities, sizes, times and versions are masked.
 */
export async function etcdctlSuite(target: readonly string[], peer: readonly string[]): Promise<SuiteReport> {
  const checks = new Checks();
  await using peerNode = await EtcdNode.start({ program: peer });
  await using targetNode = await EtcdNode.start({ program: target });
  const leases: [string, string] = ["0", "0"];
  for (const command of ETCDCTL_COMMANDS) {
    const name = `etcdctl ${command.args.join(" ")}`;
    await checks.run(name, async () => {
      const [expected, actual] = await Promise.all([
        perform(peerNode, command, leases[0]),
        perform(targetNode, command, leases[1]),
      ]);
      leases[0] = /lease ([0-9a-f]+) granted/.exec(expected.output)?.[1] ?? leases[0];
      leases[1] = /lease ([0-9a-f]+) granted/.exec(actual.output)?.[1] ?? leases[1];
      checks.equal(name, masked(actual, targetNode), masked(expected, peerNode));
    });
  }
  return {
    suite: "etcdctl",
    figure: `${checks.count} commands with the output of ${peer.join(" ")}`,
    failures: checks.failures,
  };
}

/** `etcdctl check perf` (60 s of load): the throughput must pass; everything it says is in the figure. */
export async function checkPerfSuite(target: readonly string[]): Promise<SuiteReport> {
  await using node = await EtcdNode.start({ program: target });
  const { output, errors } = await start(node, ["check", "perf", "--command-timeout=90s"]).finish(PERF_TIMEOUT_MS);
  const verdict = output.split(/[\r\n]+/).filter((line) => /^(PASS|FAIL)/.test(line));
  const passed = verdict.some((line) => line.startsWith("PASS: Throughput"));
  return { suite: "etcdctl check perf", figure: verdict.join("; "), failures: passed ? [] : [`${output}\n${errors}`] };
}

async function perform(node: EtcdNode, command: EtcdctlCommand, lease: string): Promise<Printed> {
  const args = command.args.map((word) => word.replace("LEASE", lease));
  const child = start(node, args, command.stdin);
  if (command.during === undefined) return await child.finish();
  await untilWatching(node);
  for (const other of command.during) await start(node, other).finish();
  await child.untilQuiet();
  return await child.end("SIGKILL");
}

function start(node: EtcdNode, args: readonly string[], stdin?: string): ToolProcess {
  const etcdctl = { command: [requirePeer("etcdctl-3.4")], env: { ETCDCTL_API: "3" } };
  const input = stdin === undefined ? undefined : { text: stdin, holds: false };
  return new ToolProcess(etcdctl, [`--endpoints=${node.endpoint}`, ...args], input);
}

const MASKS: readonly (readonly [RegExp, string])[] = [
  [
    /"(cluster_id|member_id|raft_term|ID|dbSize|dbSizeInUse|raftIndex|raftAppliedIndex|raftTerm|leader)":\d+/g,
    '"$1":N',
  ],
  [
    /"(ClusterID|MemberID|RaftTerm|ID|DBSize|DBSizeInUse|RaftIndex|RaftAppliedIndex|Leader|TTL|grantedTTL)" : \d+/g,
    '"$1" : N',
  ],
  [/"version":"[^"]*"/g, '"version":"V"'],
  [/"Version" : "[^"]*"/g, '"Version" : "V"'],
  [/"(ttl|lease)":\d+/g, '"$1":N'],
  [/"id":\d+/g, '"id":N'],
  [/remaining\(\d+s\)/g, "remaining(N)"],
  [/\b[0-9a-f]{15,16}\b/g, "HEX"],
  [/\b\d+(\.\d+)? [kMG]?B\b/g, "SIZE"],
  [/\b\d+\.\d+\.\d+\b/g, "VERSION"],
  [/took = [^ \n]+/g, "took = T"],
  [/took [0-9.]+[µm]?s/g, "took T"],
  [/"ts":"[^"]*"|"attempt":\d+|endpoint:\/\/client-[0-9a-f-]+\//g, "MASKED"],
  [/[-+]{4,}/g, "+--+"],
  [/ +/g, " "],
];

/** The simple and table outputs of `status` hold indexes that differ between servers by nature. */
function masked(printed: Printed, node: EtcdNode): Printed {
  const mask = (text: string): string =>
    MASKS.reduce(
      (result, [pattern, by]) => result.replaceAll(pattern, by),
      text.replaceAll(node.endpoint, "ENDPOINT").replaceAll(`127.0.0.1:${node.peerPort}`, "PEER"),
    )
      .replaceAll(/\| (\d+ \| ){2,}/g, "| N | ")
      .replaceAll(/(true|false), (false|true), \d+, \d+, \d+, ?/g, "$1, $2, N, ");
  return { output: mask(printed.output), errors: mask(printed.errors), code: printed.code };
}
