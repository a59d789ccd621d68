import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { describe, expect, it } from "@jest/globals";

import { replay } from "./script.ts";

const DIRECTORY = fileURLToPath(new URL("../testdata/", import.meta.url));
/** `GOLDEN=write` puts what happens now into the files, to be reviewed as a difference. */
const REWRITE = process.env["GOLDEN"] === "write";

describe("golden traces", () => {
  for (const file of readdirSync(DIRECTORY).filter((name) => name.endsWith(".txt"))) {
    it(`happens as written: ${file.replace(".txt", "").replaceAll("-", " ")}`, () => {
      const script = readFileSync(DIRECTORY + file, "utf8");
      const trace = replay(script);
      if (REWRITE) writeFileSync(DIRECTORY + file, trace);
      else expect(trace).toBe(script);
    });
  }
});
