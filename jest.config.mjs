/** One runner for every package: sources are TypeScript, transformed by swc, loaded as native ES modules. */
export default {
  testMatch: ["<rootDir>/packages/*/test/**/*.test.ts"],
  extensionsToTreatAsEsm: [".ts"],
  transform: { "\\.ts$": ["@swc/jest", { jsc: { target: "es2022", parser: { syntax: "typescript" } } }] },
  moduleNameMapper: { "^fast-check$": "<rootDir>/scripts/seeded-fast-check.mjs" },
  testEnvironmentOptions: { customExportConditions: ["source", "node", "node-addons"] },
  watchPathIgnorePatterns: ["/dist/", "/.nx/"],
  modulePathIgnorePatterns: ["/dist/"],
  maxWorkers: 2,
  // Modules of suites that are over stay in memory; a worker that has gigabytes of them stops for seconds to look through them.
  workerIdleMemoryLimit: "1GB",
  testSequencer: "<rootDir>/scripts/longest-first.mjs",
  testTimeout: 20000,
};
