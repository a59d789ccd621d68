/**
 * Packs every publishable package, installs the tarballs in an empty folder and uses each there, on every release line of Node.js
 * that the packages promise: its entry points load, the JavaScript examples of its README run, and the programs serve and ask.
 * What works in the workspace alone is not a package.
 *
 * Other lines than that of the Node.js that runs this come from scripts/peers/install-node.sh; without it they are left out with a
 * message, or fail the run when QUORATE_REQUIRE_PEERS=1.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const NODE_LINES = [20, 22, 24];
const TIMEOUT_MS = 60_000;
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const npm = process.platform === "win32" ? "npm.cmd" : "npm";

async function run(command, args, options) {
  const { stdout } = await promisify(execFile)(command, args, { timeout: TIMEOUT_MS, ...options });
  return stdout;
}

/** The folder of the binary of each line that is here, this Node.js' own among them, and the lines that are not. */
function findNodes() {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  const peers = process.env.QUORATE_PEERS ?? join(cache, "quorate-peers");
  const installed = existsSync(peers) ? readdirSync(peers) : [];
  const found = new Map([[Number(process.versions.node.split(".")[0]), dirname(process.execPath)]]);
  for (const line of NODE_LINES) {
    const name = installed.find((candidate) => candidate.startsWith(`node-${line}.`));
    if (!found.has(line) && name !== undefined) found.set(line, join(peers, name, "bin"));
  }
  return { found, missing: NODE_LINES.filter((line) => !found.has(line)) };
}

function publishable() {
  return readdirSync(join(root, "packages"))
    .map((name) => ({
      readme: readFileSync(join(root, "packages", name, "README.md"), "utf8"),
      folder: join(root, "packages", name),
      manifest: JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8")),
    }))
    .filter(({ manifest }) => manifest.private !== true);
}

async function install(packages, folder) {
  const tarballs = [];
  for (const { folder: cwd } of packages) {
    const args = ["pack", "--json", "--loglevel=error", "--pack-destination", folder];
    const [packed] = JSON.parse(await run(npm, args, { cwd }));
    tarballs.push(join(folder, packed.filename));
  }
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }));
  const args = ["install", "--no-audit", "--no-fund", "--loglevel=error", ...tarballs];
  await run(npm, args, { cwd: folder, timeout: 5 * TIMEOUT_MS });
}

/** Loads every entry point and runs the examples; answers what the first of these prints. */
async function usePackage({ manifest, readme }, inFolder) {
  const loads = Object.keys(manifest.exports).map((entry) => {
    const specifier = JSON.stringify(manifest.name + entry.slice(1));
    return `if (Object.keys(await import(${specifier})).length === 0) throw new Error(${specifier} + " exports nothing");`;
  });
  await runSource(loads.join("\n"), inFolder);
  const examples = [...readme.matchAll(/```js\n([\s\S]*?)```/g)].map(([, source]) => source);
  if (examples.length === 0) throw new Error(`${manifest.name}: its README has no \`\`\`js example`);
  const outputs = [];
  for (const source of examples) outputs.push(await runSource(source, inFolder));
  return outputs[0].trim();
}

function runSource(source, inFolder) {
  writeFileSync(join(inFolder.cwd, "source.mjs"), source);
  return run("node", ["source.mjs"], inFolder);
}

async function freeUrl() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const url = `http://127.0.0.1:${probe.address().port}`;
  await new Promise((resolve) => probe.close(resolve));
  return url;
}

function expectText(what, text, pattern) {
  if (!pattern.test(text)) throw new Error(`${what} prints ${JSON.stringify(text)}, which lacks ${pattern}`);
}

/**
 * Starts the installed server, uses it with the installed quoratectl, and ends it. A snapshot and a password are made on threads
 * whose files have to be in the package, too.
 */
async function usePrograms(inFolder) {
  const program = (name) => join(inFolder.cwd, "node_modules", ".bin", name);
  expectText("quorate --version", await run(program("quorate"), ["--version"], inFolder), /^etcd Version: \d/m);
  expectText("quoratectl version", await run(program("quoratectl"), ["version"], inFolder), /^quoratectl version: \d/m);
  const [url, peerUrl] = [await freeUrl(), await freeUrl()];
  const server = spawn(
    program("quorate"),
    [
      "--name=packed",
      `--data-dir=${mkdtempSync(join(inFolder.cwd, "data-"))}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=packed=${peerUrl}`,
    ],
    { ...inFolder, stdio: ["ignore", "ignore", "pipe"], timeout: TIMEOUT_MS },
  );
  const exited = once(server, "exit");
  try {
    await untilReady(server);
    const ask = (...args) => run(program("quoratectl"), [`--endpoints=${url}`, ...args], inFolder);
    expectText("quoratectl put", await ask("put", "greeting", "hello"), /^OK\n$/);
    expectText("quoratectl get", await ask("get", "greeting"), /^greeting\nhello\n$/);
    const saved = join(inFolder.cwd, "saved.db");
    expectText("quoratectl snapshot save", await ask("snapshot", "save", saved), /^Snapshot saved at /m);
    expectText("quoratectl snapshot status", await ask("snapshot", "status", saved), /^[0-9a-f]+, 2, /);
    expectText("quoratectl user add", await ask("user", "add", "someone:secret"), /^User someone created\n$/);
  } finally {
    server.kill("SIGTERM");
  }
  const [code, signal] = await exited;
  if (code !== 0) throw new Error(`quorate ended with ${signal ?? code}`);
}

async function untilReady(server) {
  const lines = [];
  for await (const line of createInterface({ input: server.stderr })) {
    lines.push(line);
    if (line.includes("ready to serve client requests")) return server.stderr.resume();
  }
  throw new Error(`quorate did not start:\n${lines.join("\n")}`);
}

async function main() {
  const { found, missing } = findNodes();
  if (missing.length > 0) {
    const lacking = `Node.js ${missing.join(" and ")} not installed: run scripts/peers/install-node.sh`;
    if (process.env.QUORATE_REQUIRE_PEERS === "1") throw new Error(lacking);
    console.log(`skipped: ${lacking}`);
  }
  const folder = mkdtempSync(join(tmpdir(), "quorate-pack-"));
  try {
    const packages = publishable();
    await install(packages, folder);
    for (const binaries of found.values()) {
      const env = { ...process.env, PATH: `${binaries}${delimiter}${process.env.PATH}` };
      const inFolder = { cwd: folder, env };
      console.log(`Node.js ${(await run("node", ["--version"], inFolder)).trim()}`);
      for (const one of packages) {
        const output = await usePackage(one, inFolder);
        console.log(`  ${one.manifest.name}: loads; its first example prints ${JSON.stringify(output.slice(0, 80))}`);
      }
      await usePrograms(inFolder);
      console.log("  quorate and quoratectl: start, put, get, snapshot, user, end");
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
