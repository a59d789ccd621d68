/** fast-check as the tests see it: a commit gives the same answer each time. `QUORATE_SEED` chooses other values. */
import fc from "../node_modules/fast-check/lib/fast-check.js";

const seed = Number(process.env.QUORATE_SEED || 1);
if (!Number.isSafeInteger(seed)) throw new Error(`QUORATE_SEED must be an integer, not '${process.env.QUORATE_SEED}'`);
fc.configureGlobal({ seed });

export * from "../node_modules/fast-check/lib/fast-check.js";
export default fc;
