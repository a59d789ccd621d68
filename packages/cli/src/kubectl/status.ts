import type { RunCommand } from "../frame/command.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { refuseMore, wantsJson } from "./arguments.ts";
import { Kubectl } from "./kubectl.ts";
import { CLUSTERS, type Cluster, type List } from "./objects.ts";
import { clusterText, isReady, listText } from "./status-text.ts";

/** What `systemctl status` ends with for a unit that does not run. */
const NOT_READY = 3;

/** `status`: all clusters in a line each, or one on a screen. */
export const runStatus: RunCommand = async (context) => {
  refuseMore(context, 1);
  const json = wantsJson(context);
  const kubectl = new Kubectl(context);
  const [name] = context.args;
  const clusters =
    name === undefined
      ? (await kubectl.get<List<Cluster>>(CLUSTERS)).items
      : [await kubectl.get<Cluster>(CLUSTERS, name)];
  const [first] = clusters;
  const value = name === undefined ? clusters : first;
  const nowMs = Date.now();
  if (json) context.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
  else if (name !== undefined && first !== undefined) context.stdout.write(clusterText(first, nowMs));
  else context.stdout.write(listText(clusters, nowMs));
  return clusters.every(isReady) ? ExitCode.success : NOT_READY;
};
