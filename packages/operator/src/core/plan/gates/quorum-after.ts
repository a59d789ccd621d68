import { type Facts, healthyVotersBeside } from "../facts/facts.ts";
import { quorumOf } from "../quorum.ts";
import { type Refusal, refuse } from "./gate.ts";

// Gate G1: with the voters there are after the step, those healthy without the target are a majority.

/** Taking the member out of the cluster. */
export function quorumAfterRemoving(facts: Facts, name: string): Refusal | undefined {
  const voters = facts.voterCount - 1;
  if (voters < 1) return refuse("G1", `${name} is the last voter`);
  return majority(healthyVotersBeside(facts, name), voters, `without ${name}`);
}

/** Stopping the member for a while; it stays a voter. */
export function quorumWhileStopping(facts: Facts, name: string): Refusal | undefined {
  return majority(healthyVotersBeside(facts, name), facts.voterCount, `while ${name} is stopped`);
}

/** Making a learner a voter. It counts as healthy only if it is seen to be. */
export function quorumAfterPromoting(facts: Facts, name: string): Refusal | undefined {
  const isHealthy = facts.members.some((member) => member.name === name && member.isHealthy);
  const healthy = facts.healthyVoterCount + (isHealthy ? 1 : 0);
  return majority(healthy, facts.voterCount + 1, `with ${name}`);
}

/**
 * Adding a learner: the server asks for a majority that the new member would be counted in, although it does not vote. A cluster of one
 * voter is let through, as it is by the server, else it could never grow.
 */
export function quorumAfterAdding(facts: Facts): Refusal | undefined {
  if (facts.voterCount === 1) return majority(facts.healthyVoterCount, 1, "before a second one joins");
  return majority(facts.healthyVoterCount, facts.voterCount + 1, "with one more");
}

function majority(healthy: number, voters: number, when: string): Refusal | undefined {
  const required = quorumOf(voters);
  if (healthy >= required) return undefined;
  return refuse("G1", `${healthy} healthy voters of ${voters} ${when} are fewer than the ${required} that it takes`);
}
