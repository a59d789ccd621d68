/** A few kills and damages; `durability.js` runs the full number. */
import { it } from "@jest/globals";
import { seedFromEnvironment } from "@quorate/testkit";
import { damageSuite } from "../src/durability/damage.ts";
import { killRounds } from "../src/durability/kill-rounds.ts";
import { expectClean, peerSuite } from "./peer-suite.ts";

peerSuite("durability", [], (target) => {
  it("keeps every acknowledged write over kills, and none in part", async () => {
    expectClean(await killRounds({ target, rounds: 6, seed: seedFromEnvironment(7) }));
  }, 120_000);

  it("recovers from a damaged data directory or refuses it by name and offset", async () => {
    const seed = seedFromEnvironment(7);
    expectClean(await damageSuite({ target, cuts: 8, flips: 12, everywhere: true, seed, strict: true }));
  }, 180_000);
});
