/** `npm test`: installs what is missing, builds, and runs every package's tests. `npm test -- packages/raft` runs a part. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const npm = process.platform === "win32" ? "npm.cmd" : "npm";

function step(title, command, args) {
  console.error(`> ${title}`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(join(root, "node_modules", "typescript"))) step("installing packages (npm ci)", npm, ["ci"]);
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
step("building", process.execPath, [tsc, "-b"]);
step("testing", process.execPath, [
  "--experimental-vm-modules",
  "--no-warnings=ExperimentalWarning",
  join(root, "node_modules", "jest", "bin", "jest.js"),
  ...process.argv.slice(2),
]);
