// Run by snapshot-thread.test.ts: the compiled package makes a database file on a thread of its own.
// Arguments: a data directory, a scenario, where the file goes.
import { createHash } from "node:crypto";
import { createWriteStream, truncateSync } from "node:fs";
import { NODE_FILE_SYSTEM, openMemberStorage } from "../../dist/index.js";

const [dataDirectory, scenario, path] = process.argv.slice(2);
const storage = await openMemberStorage({
  dataDirectory,
  fs: NODE_FILE_SYSTEM,
  clock: { nowMs: () => performance.now(), wallMs: () => Date.now() },
  newIdentity: () => ({ memberId: 1n, clusterId: 2n }),
  fatal: (error) => {
    throw error;
  },
});
const { backend } = storage;
for (let main = 1; main <= 20_000; main++) backend.putRevision(main, 0, false, new Uint8Array(300).fill(main));
backend.commit();
await backend.settle();
backend.put("lease", new Uint8Array(8).fill(1), new Uint8Array([1, 2, 3]));
backend.commit();
const confState = { voters: [1n], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
const frozen = backend.freeze();
if (scenario === "damaged") truncateSync((await frozen.opened()).state.tables.at(-1).path, 5000);
if (scenario === "closed") await storage.close();
const hash = createHash("sha256");
let bytes = 0;
let stream;
try {
  stream = await storage.openSnapshot(frozen, { index: 7, term: 3, confState });
  const file = createWriteStream(path);
  for (let chunk = await stream.next(); chunk !== undefined; chunk = await stream.next()) {
    hash.update(chunk);
    bytes += chunk.length;
    file.write(Buffer.from(chunk));
    if (scenario === "closed while it is read") await storage.close();
    if (scenario === "given up") break;
  }
  await new Promise((resolve) => file.end(resolve));
  if (scenario === "whole") {
    const same = Buffer.compare(hash.digest(), stream.digest()) === 0 && bytes === stream.bytes;
    console.log(JSON.stringify({ bytes, same }));
  } else console.log(JSON.stringify({ bytes }));
} catch ({ name, code, message }) {
  console.log(JSON.stringify({ bytes, name, code, message }));
}
await stream?.close();
if (!scenario.startsWith("closed")) await storage.close();
