import shared from "../../jest.config.mjs";

/** The tests of the core with its branch coverage, which fails below 95 %: `npm test` runs them like this. */
export default {
  ...shared,
  rootDir: "../..",
  testMatch: ["<rootDir>/packages/raft/test/**/*.test.ts"],
  collectCoverage: true,
  // Counts every branch of the source, where V8's own figures count blocks that ran.
  coverageProvider: "babel",
  // The contract suite for other storages is a test itself.
  collectCoverageFrom: ["packages/raft/src/*.ts"],
  coverageReporters: [["text", { skipFull: true }]],
  coverageThreshold: { global: { branches: 95, functions: 95, lines: 95, statements: 95 } },
};
