import { createRangeRequest, ERRORS } from "@quorate/protocol";
import { ALARM_CORRUPT, ALARM_NOSPACE, ETCD_VERSION, storageVersionOf } from "../core/index.ts";
import type { HealthSource, ReadDone } from "./http/index.ts";
import type { Node } from "./node.ts";
import { raftVars } from "./raft-vars.ts";

/** The key that health checks read; nobody needs to have put it. */
const HEALTH_KEY = new TextEncoder().encode("health");

/** What the HTTP endpoints see of a node. */
export function healthSource(node: Node): HealthSource {
  const { alarms, membership, store } = node.member;
  const read = (done: ReadDone): void => {
    const result = store.range(createRangeRequest({ key: HEALTH_KEY, limit: 1, keysOnly: true }));
    done(typeof result === "string" ? ERRORS[result].message : undefined);
  };
  return {
    hasLeader: () => node.replica.leader !== 0n,
    isLearner: node.context.isLearner,
    alarms: () =>
      alarms.list(0).map(({ memberId, type }) => ({
        memberId,
        kind: type === ALARM_NOSPACE ? "NOSPACE" : type === ALARM_CORRUPT ? "CORRUPT" : "UNKNOWN",
      })),
    linearizableRead: (done) =>
      node.replica.linearizableRead(
        () => read(done),
        (code) => done(ERRORS[code].message),
      ),
    serializableRead: read,
    versions: () => ({
      server: ETCD_VERSION,
      cluster: membership.clusterVersion,
      storage: storageVersionOf(membership.clusterVersion),
    }),
    raftStatus: () => raftVars(node.replica.status()),
  };
}
