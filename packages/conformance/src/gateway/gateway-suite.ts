import { GATEWAY_METHODS } from "@quorate/protocol";
import { EtcdCluster, EtcdNode, waitUntil } from "@quorate/testkit";
import { EtcdApi } from "../etcd-api.ts";
import type { SuiteReport } from "../suite-report.ts";
import type { GatewayRelease } from "./canonical-answer.ts";
import { RecordingClient } from "./recording-client.ts";
import { isExcused } from "./release-changes.ts";
import { endpoints, forms } from "./scripts/forms.ts";
import { keys, transactions } from "./scripts/keys.ts";
import { leases } from "./scripts/leases.ts";
import { maintenance, members } from "./scripts/members.ts";
import { noLeader, watchInsisting } from "./scripts/no-leader.ts";
import { recipes } from "./scripts/recipes.ts";
import { sockets } from "./scripts/sockets.ts";
import { users } from "./scripts/users.ts";
import { watches } from "./scripts/watches.ts";
import type { GatewayScript, GatewayStep } from "./step.ts";

const SCRIPTS: Readonly<Record<string, GatewayScript>> = {
  forms,
  endpoints,
  keys,
  transactions,
  leases,
  watches,
  sockets,
  members,
  maintenance,
  recipes,
  users,
};

/** How often a path was asked, and how often the answers differed. */
export interface PathFigure {
  readonly path: string;
  readonly asked: number;
  readonly different: number;
}

export interface GatewayReport extends SuiteReport {
  readonly paths: readonly PathFigure[];
}

/** The same requests as JSON to both servers, answer by answer; every path of the gateway is among them. */
export async function gatewaySuite(target: readonly string[], peer: readonly string[]): Promise<GatewayReport> {
  const comparison = new Comparison(await releaseOf(peer));
  const { release } = comparison;
  await using ours = await EtcdNode.start({ program: target, medium: "memory" });
  await using theirs = await EtcdNode.start({ program: peer, medium: "memory" });
  for (const { endpoint } of [ours, theirs]) await untilReady(endpoint);
  for (const [name, script] of Object.entries(SCRIPTS)) {
    const expected = await stepsOf(script, theirs.endpoint, release);
    comparison.add(name, expected, await stepsOf(script, ours.endpoint, release));
  }
  const [expected, actual] = [await stepsWithoutLeader(peer, release), await stepsWithoutLeader(target, release)];
  comparison.add("no leader", expected, actual);
  return comparison.report();
}

/** What was compared, and what came of it. */
class Comparison {
  readonly release: GatewayRelease;
  readonly #failures: string[] = [];
  readonly #figures = new Map<string, { asked: number; different: number }>();
  #excused = 0;

  constructor(release: GatewayRelease) {
    this.release = release;
  }

  add(script: string, expected: readonly GatewayStep[], actual: readonly GatewayStep[]): void {
    for (let i = 0; i < Math.max(expected.length, actual.length); i++) {
      const [wanted, got] = [expected[i], actual[i]];
      const path = (wanted ?? got)?.path ?? "";
      const figure = this.#figures.get(path) ?? { asked: 0, different: 0 };
      this.#figures.set(path, figure);
      figure.asked++;
      if (JSON.stringify(wanted) === JSON.stringify(got)) continue;
      if (wanted !== undefined && got !== undefined && isExcused(this.release, script, wanted, got)) {
        this.#excused++;
        continue;
      }
      figure.different++;
      this.#failures.push(`${script}: ${JSON.stringify(got)} instead of ${JSON.stringify(wanted)}`);
    }
  }

  report(): GatewayReport {
    const paths = [...this.#figures].map(([path, figure]) => ({ path, ...figure }));
    const missing = [...GATEWAY_METHODS.keys()].filter((path) => !this.#figures.has(path));
    const asked = paths.reduce((sum, figure) => sum + figure.asked, 0);
    return {
      suite: "gateway",
      figure: `${asked} answers of ${paths.length} paths, ${this.#excused} of a change between releases`,
      failures: [...this.#failures, ...missing.map((path) => `${path} was not asked`)],
      paths,
    };
  }
}

async function stepsOf(
  script: GatewayScript,
  endpoint: string,
  release: GatewayRelease,
): Promise<readonly GatewayStep[]> {
  const client = new RecordingClient(endpoint, release);
  try {
    await script(client.functions());
  } catch (error) {
    client.steps.push({ step: "the script ended", path: "", outcome: String(error) });
  }
  return client.steps;
}

/** One of two members, before and after the other is gone. */
async function stepsWithoutLeader(
  program: readonly string[],
  release: GatewayRelease,
): Promise<readonly GatewayStep[]> {
  await using cluster = await EtcdCluster.start({ members: [{ program }, { program }], medium: "memory" });
  const { endpoint } = cluster.node(0);
  using api = new EtcdApi(endpoint);
  await api.ready();
  return await stepsOf(
    async (client) => {
      const watching = await watchInsisting(client);
      await cluster.kill(1);
      const isAlone = async (): Promise<boolean> => (await api.must("Maintenance/Status", {}))["leader"] === "0";
      await waitUntil(isAlone, { what: "a member without a leader", timeoutMs: 20_000 });
      await noLeader(client);
      await watching.lines(2);
    },
    endpoint,
    release,
  );
}

/** Which gateway a program has. */
async function releaseOf(program: readonly string[]): Promise<GatewayRelease> {
  await using node = await EtcdNode.start({ program, medium: "memory" });
  const { version } = await untilReady(node.endpoint);
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major * 100 + minor < 306 ? 1 : 2;
}

/** Waits until a server serves. */
async function untilReady(endpoint: string): Promise<{ readonly version: string }> {
  using api = new EtcdApi(endpoint);
  await api.ready();
  return (await api.must("Maintenance/Status", {})) as { version: string };
}
