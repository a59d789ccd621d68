import type { ClusterTarget } from "./contestants.ts";
import { getLoad, h2loadGets, h2loadPuts, meanLatency, putAllKeys, putLoad, rate } from "./loads.ts";
import type { Workload } from "./workloads.ts";

const MANY_STREAMS = { connections: 10, streams: 50 };
const ALONE = { connections: 1, streams: 1 };

/** Until code is compiled and files have their size, over and above the first round, which for one client is too short for that. */
async function warmUp({ leader }: ClusterTarget): Promise<void> {
  await h2loadPuts(leader, MANY_STREAMS, 60_000);
  await meanLatency(putLoad(leader, ALONE, 2000));
}

/** The workloads of three members on one machine. Puts go to the leader, as with the `--target-leader` of etcd's own tool. */
export const CLUSTER_WORKLOADS: readonly Workload<ClusterTarget>[] = [
  {
    name: "put-10x50",
    title: "3 members: put, 64-byte values, 10 connections x 50 streams to the leader (h2load)",
    bar: { ratio: 2.5, side: "atLeast" },
    reads: false,
    run: ({ leader }) => h2loadPuts(leader, MANY_STREAMS, 100_000),
  },
  {
    name: "put-10x50-keys",
    title: "3 members: the same over 10,000 keys",
    bar: undefined,
    reads: false,
    run: ({ leader }) => rate(putLoad(leader, MANY_STREAMS, 40_000)),
  },
  {
    name: "put-10x50-follower",
    title: "3 members: the same puts to a follower (h2load)",
    bar: undefined,
    reads: false,
    run: ({ follower }) => h2loadPuts(follower, MANY_STREAMS, 40_000),
  },
  {
    name: "get-follower",
    title: "3 members: get, linearizable, 10 x 50 to a follower (h2load)",
    bar: { ratio: 3, side: "atLeast" },
    reads: true,
    prepare: ({ leader }) => putAllKeys(leader),
    run: ({ follower }) => h2loadGets(follower, MANY_STREAMS, 100_000),
  },
  {
    name: "get-follower-keys",
    title: "3 members: the same over 10,000 keys",
    bar: undefined,
    reads: true,
    prepare: ({ leader }) => putAllKeys(leader),
    run: ({ follower }) => rate(getLoad(follower, false, MANY_STREAMS, 60_000)),
  },
  {
    name: "put-alone",
    title: "3 members: mean latency of one client alone: put to the leader",
    bar: { ratio: 1, side: "atMost" },
    reads: false,
    prepare: warmUp,
    run: ({ leader }) => meanLatency(putLoad(leader, ALONE, 2000)),
  },
  {
    name: "get-follower-alone",
    title: "3 members: mean latency of one client alone: linearizable get from a follower",
    bar: undefined,
    reads: true,
    prepare: ({ leader }) => putAllKeys(leader),
    run: ({ follower }) => meanLatency(getLoad(follower, false, ALONE, 3000)),
  },
];
