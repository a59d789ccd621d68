import { describe, expect, it } from "@jest/globals";
import { missingPeers, type PeerName, peersAreRequired, serverUnderTest } from "@quorate/testkit";
import { REPOSITORY_ROOT } from "../src/command-line.ts";
import type { SuiteReport } from "../src/suite-report.ts";

/**
 * A suite that needs installed programs. Without them it says so in one line and passes, unless QUORATE_REQUIRE_PEERS=1
 * makes that a failure. `body` is given the command line of the server under test.
 */
export function peerSuite(title: string, needs: readonly PeerName[], body: (target: readonly string[]) => void): void {
  const target = serverUnderTest(REPOSITORY_ROOT);
  const missing = [...missingPeers(needs), ...(target === undefined ? ["the server under test"] : [])];
  describe(title, () => {
    if (target !== undefined && missing.length === 0) {
      body(target);
      return;
    }
    it(`needs ${missing.join(", ")}`, () => {
      process.stderr.write(`skipped: ${title} needs ${missing.join(", ")}\n`);
      expect(peersAreRequired() ? missing : []).toEqual([]);
    });
  });
}

/** Expects a suite to have found nothing, and prints its figure. */
export function expectClean(report: SuiteReport): void {
  process.stderr.write(`${report.suite}: ${report.figure}\n`);
  expect(report.failures).toEqual([]);
}
