import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import { apiFiles } from "../../../src/node/api-files/api-files.ts";

const root = fileURLToPath(new URL("../../../../..", import.meta.url));

const files = apiFiles((path) => readFileSync(join(root, path), "utf8"));

describe("files that are generated from the schema of the kinds", () => {
  it.each([...files])("%s is what `npm run generate:api` writes", (path, text) => {
    expect(readFileSync(join(root, path), "utf8")).toBe(text);
  });

  it("are all that is in the folders of the resource definitions", () => {
    const generated = [...files.keys()].filter((path) => path.includes("crds-src"));
    const folders = new Set(generated.map((path) => dirname(path)));
    const found = [...folders].flatMap((folder) =>
      readdirSync(join(root, folder))
        .filter((name) => name.endsWith(".yaml"))
        .map((name) => `${folder}/${name}`),
    );

    expect(found.sort()).toEqual(generated.sort());
  });

  it.each([...files].filter(([path]) => path.endsWith(".yaml")))(
    "%s is the same to a reader of YAML 1.1",
    (_, text) => {
      // To kubectl and helm an unquoted Off is false, and 0o7 a text.
      expect(parse(text, { version: "1.1" })).toEqual(parse(text));
    },
  );

  it("say no rules to API servers that do not know all of CEL", () => {
    for (const [path, text] of files) {
      if (path.includes("without-rules")) expect(text).not.toContain("x-kubernetes-validations");
    }
  });
});
