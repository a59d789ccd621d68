/**
 * Packs every publishable package, installs the tarballs in an empty folder and uses each: its entry points load, and the
 * first JavaScript example of its README runs. What works in the workspace alone is not a package.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const folder = mkdtempSync(join(tmpdir(), "quorate-pack-"));
const npm = process.platform === "win32" ? "npm.cmd" : "npm";
const run = (command, args, cwd) =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

const packages = readdirSync(join(root, "packages"))
  .map((name) => ({ name, manifest: JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8")) }))
  .filter(({ manifest }) => manifest.private !== true);

const tarballs = packages.map(({ name }) => {
  const [packed] = JSON.parse(
    run(npm, ["pack", "--json", "--loglevel=error", "--pack-destination", folder], join(root, "packages", name)),
  );
  return join(folder, packed.filename);
});

writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }));
run(npm, ["install", "--no-audit", "--no-fund", "--loglevel=error", ...tarballs], folder);

let failed = 0;
for (const { name, manifest } of packages) {
  for (const entry of Object.keys(manifest.exports)) {
    const specifier = manifest.name + entry.slice(1);
    writeFileSync(
      join(folder, "load.mjs"),
      `const m = await import(${JSON.stringify(specifier)}); if (Object.keys(m).length === 0) throw new Error("exports nothing");`,
    );
    run(process.execPath, ["load.mjs"], folder);
  }
  const readme = readFileSync(join(root, "packages", name, "README.md"), "utf8");
  const example = /```js\n([\s\S]*?)```/.exec(readme)?.[1];
  if (example === undefined) {
    console.error(`${manifest.name}: its README has no \`\`\`js example`);
    failed++;
    continue;
  }
  writeFileSync(join(folder, "example.mjs"), example);
  const output = execFileSync(process.execPath, ["example.mjs"], { cwd: folder, encoding: "utf8", timeout: 30_000 });
  console.log(
    `${manifest.name}: packs, installs, loads; its example prints ${JSON.stringify(output.trim().slice(0, 80))}`,
  );
}
rmSync(folder, { recursive: true, force: true });
process.exit(failed === 0 ? 0 : 1);
