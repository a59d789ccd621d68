#!/usr/bin/env node
// This file has to load on any Node.js, however old, to say that it is too old.
import { existsSync } from "node:fs";

const [major, minor] = process.versions.node.split(".").map(Number);
const program = new URL("../dist/node/main.js", import.meta.url);

if (major < 20 || (major === 20 && minor < 15)) {
  console.error(`quorate-operator: Node.js ${process.versions.node} is too old; install 20.15 or newer`);
  process.exitCode = 1;
} else if (!existsSync(program)) {
  console.error("quorate-operator: it has not been built; run 'npm run build' first");
  process.exitCode = 1;
} else {
  const { main } = await import(program.href);
  await main(process.argv.slice(2), process.env);
}
