import { EtcdNode, waitUntil } from "@quorate/testkit";
import { EtcdApi, type Message } from "../etcd-api.ts";

const SETTLE_MS = 10_000;

/** What one request came to, with versions counted from the cluster's own. */
export interface DowngradeAnswer {
  readonly request: string;
  readonly answer: string;
}

/** The same requests about a downgrade at any server: targets are so many minor versions away from the cluster's. */
export async function downgradeScript(program: readonly string[]): Promise<readonly DowngradeAnswer[]> {
  await using node = await EtcdNode.start({ program, medium: "memory" });
  using api = new EtcdApi(node.endpoint);
  const minor = await decidedMinor(node.endpoint);
  const answers: DowngradeAnswer[] = [];
  const ask = async (title: string, request: Message): Promise<void> => {
    const outcome = await api.call("Maintenance/Downgrade", request);
    answers.push({ request: title, answer: outcome.ok ? "OK" : `${outcome.code} ${outcome.message}` });
  };
  for (const action of ["VALIDATE", "ENABLE"]) {
    for (const version of ["", "3", "x", "v3.1", "3.1.x", "3.1.1.1"]) {
      await ask(`${action} '${version}'`, { action, version });
    }
    for (const away of [0, 1, -2]) {
      await ask(`${action} ${away}`, { action, version: `3.${minor + away}` });
      await ask(`${action} ${away} patch`, { action, version: `3.${minor + away}.4` });
    }
    await ask(`${action} of another major version`, { action, version: `2.${minor - 1}.0` });
  }
  await ask("VALIDATE -1", { action: "VALIDATE", version: `3.${minor - 1}` });
  await ask("VALIDATE -1 patch", { action: "VALIDATE", version: `3.${minor - 1}.7` });
  await ask("VALIDATE -1 prerelease", { action: "VALIDATE", version: `3.${minor - 1}.0-rc.1` });
  await ask("ENABLE -1", { action: "ENABLE", version: `3.${minor - 1}` });
  await ask("VALIDATE during", { action: "VALIDATE", version: `3.${minor - 1}` });
  await ask("ENABLE during", { action: "ENABLE", version: `3.${minor - 1}.0` });
  await ask("CANCEL", { action: "CANCEL" });
  await ask("unknown action", { action: 9 });
  return answers;
}

/** The minor version of the cluster, once it is decided. */
async function decidedMinor(endpoint: string): Promise<number> {
  let minor: number | undefined;
  await waitUntil(
    async () => {
      const answer = await (await fetch(`http://${endpoint}/version`)).text();
      const match = /"etcdcluster":"3\.([1-9]\d*)\./.exec(answer);
      minor = match === null ? undefined : Number(match[1]);
      return minor !== undefined;
    },
    { what: "the cluster version", timeoutMs: SETTLE_MS },
  );
  return minor ?? 0;
}
