/**
 * `npm start`: installs what is missing, builds what is stale, runs a server. Arguments go to the server:
 * `npm start -- --data-dir /var/lib/quorate`.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const npm = process.platform === "win32" ? "npm.cmd" : "npm";

function step(title, command, args) {
  console.error(`> ${title}`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: ["ignore", process.stderr, process.stderr] });
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(join(root, "node_modules", "typescript"))) step("installing packages (npm ci)", npm, ["ci"]);
step("building", process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-b"]);

const server = spawn(join(root, "packages", "server", "bin", "quorate.js"), process.argv.slice(2), {
  cwd: process.env.INIT_CWD ?? root,
  stdio: "inherit",
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => server.kill(signal));
server.on("exit", (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)));
