#!/bin/sh
true /* ; UV_THREADPOOL_SIZE="${UV_THREADPOOL_SIZE:-8}" exec node --max-semi-space-size="${QUORATE_SEMI_SPACE_MIB:-64}" --v8-pool-size="${QUORATE_V8_THREADS:-$(cores=$(nproc 2>/dev/null) || cores=5; [ "$cores" -gt 4 ] && cores=5; [ "$cores" -lt 2 ] && cores=2; echo $((cores - 1)))}" "$0" "$@" # */; // oxlint-disable-line no-unused-expressions

// The line above is the shell's: V8 takes the size of its young generation and the number of its helper threads when it starts and
// not later, and libuv the size of its thread pool before the first module is read. Helpers compile and collect garbage: one less
// than there are cores, at most 4, since more would keep the thread that serves from running. Run as `node quorate.js` the program
// works all the same, with V8's own sizes. This file has to load on any Node.js, however old, to say that it is too old.

import { existsSync } from "node:fs";

const [major, minor] = process.versions.node.split(".").map(Number);
const main = new URL("../dist/node/main.js", import.meta.url);

if (major < 20 || (major === 20 && minor < 15)) {
  console.error(`quorate: Node.js ${process.versions.node} is too old; install 20.15 or newer`);
  process.exitCode = 1;
} else if (!existsSync(main)) {
  console.error("quorate: it has not been built; run 'npm run build' first");
  process.exitCode = 1;
} else {
  const { main: run } = await import(main.href);
  await run(process.argv.slice(2), process.env);
}
