import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "@jest/globals";
import { findPeer, type PeerName, peersAreRequired, serverUnderTest } from "@quorate/testkit";

const REPOSITORY_ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "..");

/** A program that the client is tried with. */
export interface ServerProgram {
  readonly name: "quorate" | "etcd 3.4" | "etcd 3.5";
  readonly program: readonly string[];
}

function installed(name: ServerProgram["name"], peer: PeerName): readonly ServerProgram[] {
  const path = findPeer(peer);
  return path === undefined ? [] : [{ name, program: [path] }];
}

const own = serverUnderTest(REPOSITORY_ROOT);

/** Every server that is here: our own and the installed ones of etcd. */
export const SERVERS: readonly ServerProgram[] = [
  ...(own === undefined ? [] : [{ name: "quorate" as const, program: own }]),
  ...installed("etcd 3.4", "etcd-3.4"),
  ...installed("etcd 3.5", "etcd-3.5"),
];

/**
 * The same suite for each of them. Where peers are required, missing ones fail it; otherwise they are left out, and a line
 * says so.
 */
export function withServers(title: string, body: (server: ServerProgram) => void): void {
  const wanted = ["quorate", "etcd 3.4", "etcd 3.5"];
  const missing = wanted.filter((name) => !SERVERS.some((server) => server.name === name));
  for (const server of SERVERS) {
    describe(`${title} with ${server.name}`, () => {
      body(server);
    });
  }
  if (missing.length === 0) return;
  it(`${title} needs ${missing.join(", ")}`, () => {
    process.stderr.write(`left out: ${title} with ${missing.join(", ")}\n`);
    expect(peersAreRequired() ? missing : []).toEqual([]);
  });
}
