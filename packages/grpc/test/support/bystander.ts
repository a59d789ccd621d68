import { expect } from "@jest/globals";
import { Status } from "../../src/index.ts";
import { GrpcClient } from "./grpc-client.ts";
import type { TestServer } from "./test-server.ts";

/** What an attack may add to the memory of a process that holds server, attacker and bystander. */
const MEMORY_MAX_BYTES = 96 * 1024 * 1024;
/** Generous: the attacker shares the event loop and the cores with everybody else. */
const P99_MAX_MS = 1500;

function memoryBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/**
 * Runs `attack` while a well-behaved client keeps calling on a connection of its own. Every one of its calls must succeed, in
 * reasonable time, and memory must stay bounded.
 */
export async function withBystander(test: TestServer, attack: () => Promise<void>): Promise<void> {
  const client = new GrpcClient(test.port);
  const tookMs: number[] = [];
  let attacking = true;
  let peakBytes = 0;
  await client.unary("Unary");
  const before = memoryBytes();
  const calls = (async () => {
    do {
      const startedMs = performance.now();
      const { code } = await client.unary("Unary", Buffer.from("still there?"));
      expect(code).toBe(Status.OK);
      tookMs.push(performance.now() - startedMs);
      peakBytes = Math.max(peakBytes, memoryBytes());
    } while (attacking);
  })();
  try {
    await attack();
  } finally {
    attacking = false;
    await calls;
    client.close();
  }
  tookMs.sort((a, b) => a - b);
  const p99 = tookMs[Math.floor(tookMs.length * 0.99)] as number;
  expect(p99).toBeLessThan(P99_MAX_MS);
  expect(peakBytes - before).toBeLessThan(MEMORY_MAX_BYTES);
}
