// Writes the files that are generated from the operator's schema: `npm run build && npm run generate:api`. A test compares them.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { apiFiles } from "../packages/operator/dist/node/api-files/api-files.js";
import { readmeWithValues } from "../packages/operator/dist/node/api-files/chart-values.js";

const root = fileURLToPath(new URL("..", import.meta.url));

for (const [path, text] of apiFiles((path) => readFileSync(join(root, path), "utf8"))) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

for (const chart of ["quorate-operator"]) {
  const path = join(root, "charts", chart, "README.md");
  const values = readFileSync(join(root, "charts", chart, "values.yaml"), "utf8");
  writeFileSync(path, readmeWithValues(readFileSync(path, "utf8"), values));
}
