import type { EtcdApi, Message } from "../etcd-api.ts";

const STATUS_DEADLINE_MS = 1000;

/** Index of the member that says it leads, at the highest term; undefined when none answers so within a second. */
export async function findLeader(apis: readonly EtcdApi[]): Promise<number | undefined> {
  const answers = await Promise.all(apis.map((api) => api.call("Maintenance/Status", {}, STATUS_DEADLINE_MS)));
  let [leader, highest]: [number | undefined, number] = [undefined, 0];
  for (const [index, answer] of answers.entries()) {
    if (!answer.ok) continue;
    const header = answer.response["header"] as Message;
    if (answer.response["leader"] !== header["member_id"]) continue;
    const term = Number(answer.response["raftTerm"]);
    if (term > highest) [leader, highest] = [index, term];
  }
  return leader;
}
