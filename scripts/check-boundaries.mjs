/**
 * Fails when an import crosses a line that layers.json does not allow. An import of a workspace package must be allowed
 * by the layer table, declared in the importer's package.json, and matched by a project reference; nobody reaches into
 * another package's src; `src/core` of a mixed package never imports its `src/node`.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "oxc-parser";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const layers = JSON.parse(readFileSync(join(root, "layers.json"), "utf8"));
const problems = [];

const walk = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) return entry.name === "node_modules" || entry.name === "dist" ? [] : walk(path);
        return /\.(ts|mts|mjs)$/.test(entry.name) ? [path] : [];
      })
    : [];

function importsOf(file) {
  const { module, errors } = parseSync(file, readFileSync(file, "utf8"));
  if (errors.length > 0) problems.push(`${relative(root, file)}: ${errors[0].message}`);
  return [
    ...module.staticImports.map((i) => i.moduleRequest.value),
    ...module.staticExports.flatMap((e) => e.entries.map((entry) => entry.moduleRequest?.value).filter(Boolean)),
    ...module.dynamicImports
      .map(
        (i) => /^["'](.+)["']$/.exec(readFileSync(file, "utf8").slice(i.moduleRequest.start, i.moduleRequest.end))?.[1],
      )
      .filter(Boolean),
  ];
}

function referencesOf(folder) {
  return readdirSync(folder)
    .filter((name) => /^tsconfig.*\.json$/.test(name))
    .flatMap((name) => JSON.parse(readFileSync(join(folder, name), "utf8")).references ?? [])
    .map((reference) => resolve(folder, reference.path));
}

for (const name of readdirSync(join(root, "packages"))) {
  const folder = join(root, "packages", name);
  if (!statSync(folder).isDirectory()) continue;
  const layer = layers[name];
  if (layer === undefined) {
    problems.push(`packages/${name} has no row in layers.json`);
    continue;
  }
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const references = referencesOf(folder);
  for (const area of ["src", "test", "bench"]) {
    for (const file of walk(join(folder, area))) {
      const where = relative(root, file);
      for (const specifier of importsOf(file)) {
        if (specifier.startsWith(".")) {
          const target = resolve(dirname(file), specifier);
          if (!target.startsWith(folder + sep)) problems.push(`${where}: '${specifier}' leaves its package`);
          else if (where.includes(`${sep}src${sep}core${sep}`) && target.includes(`${sep}src${sep}node${sep}`))
            problems.push(`${where}: core must not import '${specifier}'`);
          continue;
        }
        const match = /^@quorate\/([a-z-]+)(\/.*)?$/.exec(specifier);
        if (match === null) {
          const packageName = specifier.startsWith("@")
            ? specifier.split("/").slice(0, 2).join("/")
            : specifier.split("/")[0];
          const builtin = specifier.startsWith("node:");
          if (area === "src" && layer.kind === "pure" && builtin)
            problems.push(`${where}: a pure package imports '${specifier}'`);
          if (area === "src" && !builtin && manifest.dependencies?.[packageName] === undefined)
            problems.push(`${where}: '${packageName}' is not declared in packages/${name}/package.json`);
          continue;
        }
        const target = match[1];
        if (target === name) continue;
        const allowed = layer.may.includes(target) || (area !== "src" && layers[target]?.role === "test");
        if (!allowed) problems.push(`${where}: layer '${name}' must not import '${target}' (layers.json)`);
        if (match[2]?.startsWith("/src") || match[2]?.startsWith("/dist"))
          problems.push(`${where}: '${specifier}' goes around the package's door`);
        const declared =
          manifest.dependencies?.[`@quorate/${target}`] ??
          (area === "src" ? undefined : manifest.devDependencies?.[`@quorate/${target}`]);
        if (declared === undefined)
          problems.push(`${where}: '@quorate/${target}' is not declared in packages/${name}/package.json`);
        const targetFolder = join(root, "packages", target);
        if (
          area !== "bench" &&
          !references.some((reference) => reference === targetFolder || reference.startsWith(targetFolder + sep))
        )
          problems.push(`${where}: no project reference to packages/${target}`);
      }
    }
  }
}

if (problems.length > 0) {
  console.error([...new Set(problems)].join("\n"));
  console.error(`boundaries: ${new Set(problems).size} problems`);
  process.exit(1);
}
console.log("boundaries: every import is allowed by layers.json");
