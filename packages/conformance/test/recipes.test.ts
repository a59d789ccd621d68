/** Locks and elections, which servers build from their own API, beside a real etcd. */
import { expect, it } from "@jest/globals";
import { seedFromEnvironment } from "@quorate/testkit";
import { peerProgram } from "../src/command-line.ts";
import { recipePermissions } from "../src/recipes/recipe-permissions.ts";
import { recipesRun } from "../src/recipes/recipes-run.ts";
import { expectClean, peerSuite } from "./peer-suite.ts";

const STEPS = 250;
const seed = seedFromEnvironment(1);

peerSuite("locks and elections", ["etcd-3.5"], (target) => {
  it.each([seed, seed + 1])(
    "come to the same as in etcd 3.5.30, seed %i",
    async (each) => {
      expectClean(await recipesRun({ target, peer: peerProgram("3.5.30"), steps: STEPS, seed: each }));
    },
    120_000,
  );

  it("are refused to whom etcd refuses them", async () => {
    expect(await recipePermissions(target)).toEqual(await recipePermissions(peerProgram("3.5.30")));
  }, 60_000);
});
