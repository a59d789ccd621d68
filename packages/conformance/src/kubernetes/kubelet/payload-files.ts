import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

/** What a Secret, a ConfigMap or another source of a volume becomes: path within the volume to content and mode. */
export type Payload = ReadonlyMap<string, { readonly content: Buffer; readonly mode: number }>;

const LINK = "..data";
let generation = 0;

/**
 * Makes a directory hold exactly these files, all at once, in the way that programs which watch mounted Secrets rely on:
 * each name is a link into `..data`, and `..data` is a link that is swapped for one to a new directory. True when something
 * changed.
 */
export function writePayload(directory: string, payload: Payload): boolean {
  mkdirSync(directory, { recursive: true });
  if (isAsWanted(directory, payload)) return false;
  const before = existsSync(join(directory, LINK)) ? readlinkSync(join(directory, LINK)) : undefined;
  const name = `..${Date.now()}.${generation++}`;
  mkdirSync(join(directory, name));
  for (const [path, { content, mode }] of payload) {
    mkdirSync(dirname(join(directory, name, path)), { recursive: true });
    writeFileSync(join(directory, name, path), content);
    chmodSync(join(directory, name, path), mode);
  }
  symlinkSync(name, join(directory, `${LINK}_tmp`));
  renameSync(join(directory, `${LINK}_tmp`), join(directory, LINK));
  linkNames(directory, new Set([...payload.keys()].map((path) => path.split("/", 1)[0] ?? path)));
  if (before !== undefined) rmSync(join(directory, before), { recursive: true, force: true });
  return true;
}

function linkNames(directory: string, wanted: ReadonlySet<string>): void {
  for (const name of readdirSync(directory)) {
    if (!name.startsWith("..") && !wanted.has(name)) rmSync(join(directory, name), { force: true });
  }
  for (const name of wanted) {
    if (lstatSync(join(directory, name), { throwIfNoEntry: false }) === undefined)
      symlinkSync(join(LINK, name), join(directory, name));
  }
}

function isAsWanted(directory: string, payload: Payload): boolean {
  const data = join(directory, LINK);
  if (!existsSync(data)) return false;
  const present = readdirSync(data, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  if (present.length !== payload.size) return false;
  return [...payload].every(([path, { content, mode }]) => {
    const stat = lstatSync(join(data, path), { throwIfNoEntry: false });
    return stat !== undefined && (stat.mode & 0o777) === mode && readFileSync(join(data, path)).equals(content);
  });
}
