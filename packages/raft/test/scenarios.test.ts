import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { describe, expect, it } from "@jest/globals";

const TEST = fileURLToPath(new URL("./", import.meta.url));
const DOCUMENT = readFileSync(fileURLToPath(new URL("../docs/scenarios.md", import.meta.url)), "utf8");

/** The data-driven scenarios that etcd-io/raft comes with. */
const CATALOGUE = `
  single_node campaign campaign_learner_must_vote prevote prevote_checkquorum checkquorum
  forget_leader forget_leader_prevote_checkquorum forget_leader_read_only_lease_based
  probe_and_replicate replicate_pause heartbeat_resp_recovers_from_probing lagging_commit slow_follower_after_compaction
  snapshot_succeed_via_app_resp snapshot_succeed_via_app_resp_behind
  confchange_v1_add_single confchange_v1_remove_leader confchange_v1_remove_leader_stepdown
  confchange_v2_add_single_auto confchange_v2_add_single_explicit confchange_v2_add_double_auto
  confchange_v2_add_double_implicit confchange_v2_replace_leader confchange_v2_replace_leader_stepdown
  confchange_disable_validation async_storage_writes async_storage_writes_append_aba_race
  majority_commit majority_vote joint_commit joint_vote
  simple_idempotency simple_promote_demote simple_safety joint_idempotency joint_safety joint_learners_next joint_autoleave
  update zero`
  .split(/\s+/)
  .filter((name) => name !== "");

/** Name and last cell of every row of the document's tables. */
const ROWS: readonly (readonly [name: string, tests: string])[] = DOCUMENT.split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| ---"))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .filter((cells) => !["Scenario", "Rule"].includes(cells[1] ?? ""))
  .map((cells) => [cells[1] ?? "", cells[cells.length - 2] ?? ""] as const);

describe("the table of scenarios", () => {
  it("has a row for every scenario of the catalogue, once", () => {
    const names = ROWS.map(([name]) => name);
    expect(CATALOGUE.filter((name) => names.filter((other) => other === name).length !== 1)).toEqual([]);
    expect(CATALOGUE.length).toBe(41);
    expect(new Set(names).size).toBe(names.length);
  });

  for (const [name, tests] of ROWS) {
    it(`names tests that exist for: ${name}`, () => {
      const references = [...tests.matchAll(/`([^`]+)`/g)].map((match) => (match[1] ?? "").split(" › "));
      expect(references.length).toBeGreaterThan(0);
      for (const [file = "", title] of references) {
        expect([file, existsSync(TEST + file)]).toEqual([file, true]);
        if (title !== undefined)
          expect([title, readFileSync(TEST + file, "utf8").includes(title)]).toEqual([title, true]);
      }
    });
  }

  it("mentions every golden trace and every file of tests", () => {
    const files = [
      ...readdirSync(`${TEST}testdata`).map((file) => `testdata/${file}`),
      ...readdirSync(`${TEST}paper`).map((file) => `paper/${file}`),
    ];
    expect(files.filter((file) => !DOCUMENT.includes(`\`${file}`))).toEqual([]);
  });
});
