import type { Prng } from "@quorate/base";
import type { DiskSpeed } from "./disk.ts";
import type { Tuning } from "./host.ts";
import type { LinkQuality } from "./network.ts";

/** Average times between faults of a kind while there are any, in milliseconds of simulated time. */
export interface FaultPace {
  /** How long faults go on, and how long there are no new ones then. */
  readonly stormMs: number;
  readonly calmMs: number;
  readonly partitionMs: number;
  readonly crashMs: number;
  readonly blackoutMs: number;
  readonly pauseMs: number;
  readonly clockMs: number;
  readonly transferMs: number;
  readonly reconfigureMs: number;
  /** Chance in per mille that something bad happens right when it hurts most: see `Moment`. */
  readonly ambushPermille: number;
  /** The same for a leader that has just been elected, or has just committed something for the first time. */
  readonly reignAmbushPermille: number;
  /** Chance in per mille that the members are parted in two right when the leader applies a change of the membership. */
  readonly splitPermille: number;
  /** Chance in per mille that a member goes down for a moment right after it has voted. */
  readonly forgetPermille: number;
  /** Whether such leaders are cut off in turn, each coming back when the next one goes: figure 8 of the Raft paper. */
  readonly exilesLeaders: boolean;
}

/** What a seed makes of a run. */
export interface Profile {
  readonly tuning: Tuning;
  readonly links: LinkQuality;
  readonly disk: DiskSpeed;
  readonly faults: FaultPace;
  /** Members that found the cluster; the others join. */
  readonly founderCount: number;
  /** Average time a client thinks between two requests. */
  readonly thinkMs: number;
  /** Whether membership changes are asked for several at a time. */
  readonly reconfiguresInBursts: boolean;
}

/**
 * Draws a profile. Runs differ in kind, not only in detail: some have a good network and crash all the time, some the
 * reverse. Uniform runs find far less.
 */
export function drawProfile(prng: Prng, nodes: number): Profile {
  const pick = <T>(...options: readonly T[]): T => options[prng.below(options.length)] as T;
  const isFewVoters = nodes >= 5 && prng.below(3) === 0;
  const exilesLeaders = nodes >= 5 && prng.below(4) === 0;
  // What else happens would come in between.
  const rarely = exilesLeaders ? 5 : 1;
  return {
    tuning: {
      preVote: prng.below(4) !== 0,
      maxSizePerMsg: exilesLeaders ? 0 : pick(0, 64, 1024 * 1024),
      maxInflightMsgs: pick(2, 16, 256),
      catchUpEntries: pick(4, 12, 40),
      checkpointEntries: pick(6, 20, 60),
    },
    links: {
      delayMinUs: 100,
      delaySpreadUs: pick(500, 2000, 5000),
      lossPermille: pick(5, 20, 80, 150),
      duplicatePermille: pick(5, 20, 80),
      latePermille: pick(10, 40, 120),
      lateSpreadUs: pick(5000, 20_000, 80_000),
    },
    disk: {
      syncMinUs: pick(100, 500),
      syncSpreadUs: pick(400, 3000, 8000),
      stallPermille: pick(0, 2, 10),
      stallSpreadUs: pick(50_000, 400_000),
    },
    faults: {
      stormMs: pick(150, 400, 800),
      calmMs: pick(100, 250),
      partitionMs: rarely * pick(100, 250, 800),
      crashMs: rarely * pick(80, 250, 800),
      blackoutMs: rarely * pick(400, 1500, 5000),
      pauseMs: rarely * pick(150, 400, 1000),
      clockMs: pick(100, 300),
      transferMs: pick(150, 400, 1000),
      reconfigureMs: pick(80, 200, 500),
      ambushPermille: pick(0, 10, 50, 150),
      reignAmbushPermille: exilesLeaders ? 500 : pick(0, 50, 300),
      splitPermille: pick(0, 100, 300),
      forgetPermille: pick(0, 30, 200),
      exilesLeaders,
    },
    founderCount: isFewVoters ? nodes - 2 : nodes,
    thinkMs: pick(3, 8, 20),
    reconfiguresInBursts: prng.below(2) === 0,
  };
}
