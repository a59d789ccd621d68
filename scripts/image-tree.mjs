/**
 * Puts together what an image holds: `node scripts/image-tree.mjs OUT WORKSPACE…` copies the built workspaces named (server, cli,
 * operator), the workspaces that they need, and of the installed packages only what all these need when they run. The lock file says
 * which those are, so nothing is downloaded, and what is in the image is what was built and tested.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const [out, ...wanted] = process.argv.slice(2);
if (out === undefined || wanted.length === 0) {
  console.error("usage: node scripts/image-tree.mjs OUT WORKSPACE…");
  process.exit(2);
}
const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;

/** Where `name` is found from the package at `from`: in its own node_modules, or in those of the folders above it. */
function locate(name, from) {
  for (let folder = from; ; folder = folder.includes("/") ? folder.slice(0, folder.lastIndexOf("/")) : "") {
    const candidate = folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (lock[candidate] !== undefined) return candidate;
    if (folder === "") return undefined;
  }
}

/** Keys of the lock file that `start` needs, itself included. */
function closure(start) {
  const found = new Set();
  const open = [...start];
  for (let key = open.pop(); key !== undefined; key = open.pop()) {
    if (found.has(key)) continue;
    found.add(key);
    const entry = lock[key];
    if (entry.link === true) {
      open.push(entry.resolved);
      continue;
    }
    const needs = { ...entry.peerDependencies, ...entry.dependencies };
    for (const name of Object.keys({ ...needs, ...entry.optionalDependencies })) {
      const place = locate(name, key);
      const mayLack = entry.optionalDependencies?.[name] !== undefined || entry.peerDependencies?.[name] !== undefined;
      if (place === undefined && !mayLack) throw new Error(`${key} needs ${name}, which the lock file does not have`);
      if (place !== undefined && (!mayLack || existsSync(join(root, place)))) open.push(place);
    }
  }
  return found;
}

/** A package without packages inside of it: those are copied for themselves, where they are needed. */
const withoutNested = (folder) => (source) => !relative(folder, source).split("/").includes("node_modules");

const isWorkspace = (key) => key.startsWith("packages/") && !key.includes("/node_modules/");
for (const key of [...closure(wanted.map((name) => `packages/${name}`))].sort((a, b) => (a < b ? -1 : 1))) {
  const [source, target] = [join(root, key), join(out, key)];
  mkdirSync(dirname(target), { recursive: true });
  if (lock[key].link === true) {
    symlinkSync(relative(dirname(key), lock[key].resolved), target);
  } else if (isWorkspace(key)) {
    if (!existsSync(join(source, "dist"))) throw new Error(`${key} has not been built`);
    for (const part of ["package.json", "bin", "dist"])
      if (existsSync(join(source, part)))
        cpSync(join(source, part), join(target, part), {
          recursive: true,
          filter: (path) => !/\.tsbuildinfo$|\/dist\/test-types(\/|$)|\.d\.ts(\.map)?$/.test(path),
        });
  } else {
    cpSync(source, target, { recursive: true, filter: withoutNested(source) });
  }
}
writeFileSync(join(out, "package.json"), `${JSON.stringify({ private: true, type: "module" })}\n`);
cpSync(join(root, "LICENSE"), join(out, "LICENSE"));
