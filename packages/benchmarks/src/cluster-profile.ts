import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { EtcdCluster } from "@quorate/testkit";
import { CLUSTER_WORKLOADS } from "./cluster-workloads.ts";
import { programs, rolesOf } from "./contestants.ts";
import { type CpuProfile, type SelfTime, selfTimes, selfTimesByFile } from "./cpu-profile.ts";

/* Where the members of a Quorate cluster spend their time under a workload: V8's CPU profiles of all three, taken together. */

const FILES_SHOWN = 12;

async function profileOf(port: number, seconds: number): Promise<CpuProfile> {
  const response = await fetch(`http://127.0.0.1:${port}/debug/pprof/profile?seconds=${seconds}`);
  if (!response.ok) throw new Error(`no profile: ${response.status} ${await response.text()}`);
  return (await response.json()) as CpuProfile;
}

function lines(times: readonly SelfTime[], count: number): string {
  return times
    .slice(0, count)
    .map(({ where, share }) => `${(100 * share).toFixed(1).padStart(6)} %  ${where}`)
    .join("\n");
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      workload: { type: "string", default: "put-10x50" },
      seconds: { type: "string", default: "10" },
      top: { type: "string", default: "30" },
      out: { type: "string" },
    },
  });
  const workload = CLUSTER_WORKLOADS.find(({ name }) => name === values.workload);
  if (workload === undefined) throw new Error(`no workload ${values.workload}`);
  const member = { program: programs("3.4").quorate };
  await using cluster = await EtcdCluster.start({ members: [member, member, member], flags: ["--enable-pprof"] });
  const { leader, followers } = await rolesOf(cluster);
  const target = { leader: leader.port, follower: followers[0]?.port ?? 0 };
  await workload.prepare?.(target);
  // Once without a profile, so that what is profiled is compiled.
  await workload.run(target);
  let over = false;
  const profiles = Promise.all([leader, ...followers].map(({ port }) => profileOf(port, Number(values.seconds))));
  void profiles.finally(() => {
    over = true;
  });
  while (!over) {
    const { value, unit } = await workload.run(target);
    console.log(`${workload.title}: ${value.toFixed(3)} ${unit} while profiled`);
  }
  for (const [i, profile] of (await profiles).entries()) {
    const name = i === 0 ? "leader" : `follower ${i}`;
    console.log(`\n${name}, by file\n${lines(selfTimesByFile(profile), FILES_SHOWN)}`);
    console.log(`\n${name}, by function\n${lines(selfTimes(profile), Number(values.top))}`);
    if (values.out === undefined) continue;
    mkdirSync(values.out, { recursive: true });
    writeFileSync(join(values.out, `${name.replace(" ", "-")}.cpuprofile`), JSON.stringify(profile));
  }
}

await main();
