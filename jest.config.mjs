/** One runner for every package: sources are TypeScript, transformed by swc, loaded as native ES modules. */
export default {
  testMatch: ["<rootDir>/packages/*/test/**/*.test.ts"],
  extensionsToTreatAsEsm: [".ts"],
  transform: { "\\.ts$": ["@swc/jest", { jsc: { target: "es2022", parser: { syntax: "typescript" } } }] },
  testEnvironmentOptions: { customExportConditions: ["source", "node", "node-addons"] },
  watchPathIgnorePatterns: ["/dist/", "/.nx/"],
  modulePathIgnorePatterns: ["/dist/"],
  maxWorkers: 2,
  testTimeout: 20000,
};
