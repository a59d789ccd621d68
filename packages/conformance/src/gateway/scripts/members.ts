import { setTimeout as delay } from "node:timers/promises";
import type { GatewayScript, Json } from "../step.ts";

const LEARNER_URL = "http://127.0.0.1:1";

/** `Cluster`, with a learner that comes and goes. */
export const members: GatewayScript = async ({ ask }) => {
  await ask("list", "/v3/cluster/member/list", {});
  await ask("list linearizably", "/v3/cluster/member/list", { linearizable: true });
  await ask("add nothing", "/v3/cluster/member/add", {});
  await ask("add what is no URL", "/v3/cluster/member/add", { peerURLs: ["x"] });
  const added = await ask("add a learner", "/v3/cluster/member/add", {
    peerURLs: [LEARNER_URL],
    is_learner: true,
    isLearner: true,
  });
  // An ID is made of the URL and the second: within the same one the second attempt is refused for the ID, after it for the URL.
  await delay(1000 - (Date.now() % 1000) + 10);
  const again = await ask("add a learner once", "/v3/cluster/member/add", { peerURLs: [LEARNER_URL], isLearner: true });
  const { ID = "1" } = (added["member"] ?? again["member"] ?? {}) as Json as { ID?: string };
  await ask("promote it", "/v3/cluster/member/promote", { ID });
  await ask("update it", "/v3/cluster/member/update", { ID, peerURLs: ["http://127.0.0.1:2"] });
  await ask("remove it", "/v3/cluster/member/remove", { ID });
  await ask("remove it again", "/v3/cluster/member/remove", { ID });
  await ask("promote nobody", "/v3/cluster/member/promote", { ID: "5" });
  await ask("update nobody", "/v3/cluster/member/update", { ID: 5, peerURLs: [LEARNER_URL] });
};

/** `Maintenance`. */
export const maintenance: GatewayScript = async ({ ask, askMany }) => {
  await ask("status", "/v3/maintenance/status", {});
  await ask("alarms", "/v3/maintenance/alarm", {});
  const { member_id: memberID } = ((await ask("hash", "/v3/maintenance/hash", {}))["header"] ?? {}) as Json;
  await ask("raise an alarm", "/v3/maintenance/alarm", { action: "ACTIVATE", memberID, alarm: "NOSPACE" });
  await ask("put with the alarm on", "/v3/kv/put", { key: "YQ==", value: "YQ==" });
  for (const path of ["/health", "/health?exclude=NOSPACE", "/readyz", "/livez"]) {
    await ask(`GET ${path} with the alarm on`, path, "", { method: "GET" });
  }
  await ask("the alarm", "/v3/maintenance/alarm", { action: 0, alarm: 1 });
  await ask("lower the alarm", "/v3/maintenance/alarm", { action: "DEACTIVATE", memberID, alarm: "NOSPACE" });
  await ask("raise another", "/v3/maintenance/alarm", { action: "ACTIVATE", memberID, alarm: "CORRUPT" });
  await ask("put into what is corrupt", "/v3/kv/put", { key: "YQ==", value: "YQ==" });
  for (const path of ["/health?exclude=NOSPACE", "/health?exclude=CORRUPT", "/readyz/data_corruption", "/livez"]) {
    await ask(`GET ${path} with both`, path, "", { method: "GET" });
  }
  await ask("lower it", "/v3/maintenance/alarm", { action: "DEACTIVATE", memberID, alarm: "CORRUPT" });
  await ask("no alarm", "/v3/maintenance/alarm", { action: "GET" });
  await ask("hash of keys", "/v3/maintenance/hashkv", {});
  await ask("hash of the future", "/v3/maintenance/hashkv", { revision: "1000000" });
  await ask("defragment", "/v3/maintenance/defragment", "");
  // In several pieces, whatever an empty database takes.
  await ask("a large value", "/v3/kv/put", { key: "YQ==", value: "A".repeat(800_000) });
  await askMany("snapshot", "/v3/maintenance/snapshot", {});
  await ask("move the leader to nobody", "/v3/maintenance/transfer-leadership", { targetID: "5" });
  await ask("downgrade to nothing", "/v3/maintenance/downgrade", { action: "VALIDATE", version: "x" });
  await ask("downgrade far", "/v3/maintenance/downgrade", { action: "ENABLE", version: "3.1.0" });
};
