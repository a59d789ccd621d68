/**
 * `node packages/conformance/dist/durability.js --rounds 30 --cuts 40 --flips 200`: kills under load, then damaged files.
 * `--cuts all` cuts at every byte of the last 4 KiB. Prints two figure lines; exit code 1 when something was lost or wrong.
 */
import { parseArgs } from "node:util";
import { runMain, targetProgram, wholeNumber } from "./command-line.ts";
import { damageSuite } from "./durability/damage.ts";
import { killRounds } from "./durability/kill-rounds.ts";
import { printReport } from "./suite-report.ts";

const { values } = parseArgs({
  options: {
    target: { type: "string" },
    rounds: { type: "string", default: "30" },
    cuts: { type: "string", default: "40" },
    flips: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    "log-only": { type: "boolean", default: false },
    lenient: { type: "boolean", default: false },
  },
});

async function main(): Promise<number> {
  const target = targetProgram(values.target);
  const seed = wholeNumber("seed", values.seed);
  const rounds = wholeNumber("rounds", values.rounds);
  const kills = printReport(await killRounds({ target, rounds, seed }));
  const cuts = values.cuts === "all" ? "all" : wholeNumber("cuts", values.cuts);
  const flips = wholeNumber("flips", values.flips);
  const everywhere = !values["log-only"];
  const damage = printReport(await damageSuite({ target, cuts, flips, everywhere, seed, strict: !values.lenient }));
  return Math.max(kills, damage);
}

runMain(main);
