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

const jest = (...args) => [
  "--experimental-vm-modules",
  "--no-warnings=ExperimentalWarning",
  join(root, "node_modules", "jest", "bin", "jest.js"),
  ...args,
];
const chosen = process.argv.slice(2);
const core = join("packages", "raft");
const isCore = (path) => path.replace(/^\.\//, "").replace(/\/(test\/?)?$/, "") === core;
if (chosen.length === 0 || (chosen.length === 1 && isCore(chosen[0]))) {
  step(
    "testing the consensus core, with its branch coverage",
    process.execPath,
    jest("--config", join(core, "jest.config.mjs")),
  );
  if (chosen.length === 0)
    step("testing the rest", process.execPath, jest("--testPathIgnorePatterns", "/node_modules/", `/${core}/`));
} else {
  step("testing", process.execPath, jest(...chosen));
}
