import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A folder or file that a container sees at a path of its own. */
export interface BindMount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** Default: a folder. */
  readonly file?: boolean;
}

/** What a container sees instead of the machine. */
export interface ContainerView {
  readonly hostname: string;
  /** File bound over /etc/hosts. */
  readonly hostsFile: string;
  readonly mounts: readonly BindMount[];
  /** Programs that the image has: absolute path to the text of a script. */
  readonly programs: ReadonlyMap<string, string>;
  readonly readOnlyRoot: boolean;
  readonly workingDirectory: string;
  /** Folders that stay where they are even if a volume is mounted over one above them: the programs themselves. */
  readonly kept: readonly string[];
}

const KERNEL_FOLDERS = ["/proc", "/sys", "/dev"];
/** Names are looked up in the hosts file alone, so that an unknown one is told at once, as a cluster's DNS does. */
const NAME_SERVICES = "passwd: files\ngroup: files\nhosts: files\n";

/** Why containers cannot be isolated on this machine; undefined when they can. */
export function isolationProblem(): string | undefined {
  const result = spawnSync("unshare", [
    "--mount",
    "--uts",
    "--propagation",
    "private",
    "mount",
    "-t",
    "tmpfs",
    "none",
    "/mnt",
  ]);
  if (result.error !== undefined) return `unshare cannot be run: ${result.error.message}`;
  if (result.status === 0) return undefined;
  return `the test kubelet needs mount namespaces (root with CAP_SYS_ADMIN): ${result.stderr.toString().trim()}`;
}

/**
 * Writes the script that makes a container's view and becomes its program, and returns the command line to start; the
 * program's own words are added to it. The view is the machine's files under a layer in memory that takes all writes, in
 * mount and host name namespaces of its own: nothing outside of `folder` and the mounts' sources is ever written.
 */
export function isolatedCommand(folder: string, view: ContainerView): readonly string[] {
  mkdirSync(join(folder, "layer"), { recursive: true });
  writeFileSync(join(folder, "nsswitch.conf"), NAME_SERVICES);
  writeFileSync(join(folder, "enter.sh"), enterScript(folder, view));
  return ["unshare", "--mount", "--uts", "--propagation", "private", "/bin/sh", join(folder, "enter.sh")];
}

/** The command line by which another program is run in the view of a running container. */
export function enteringCommand(pid: number, words: readonly string[]): readonly string[] {
  return ["nsenter", `--target=${pid}`, "--mount", "--uts", "--root", "--wd=/", ...words];
}

function enterScript(folder: string, view: ContainerView): string {
  const layer = join(folder, "layer");
  const root = `${layer}/root`;
  const lines = ["set -e", `mount -t tmpfs -o mode=0755 container ${quoted(layer)}`, `mkdir ${quoted(root)}`];
  const roots = ["/", ...otherFileSystems()];
  for (const [index, path] of roots.entries()) {
    const [upper, work, target] = [
      `${layer}/upper${index}`,
      `${layer}/work${index}`,
      path === "/" ? root : root + path,
    ];
    const options = `lowerdir=${path},upperdir=${upper},workdir=${work}`;
    const mount = `mount -t overlay -o ${quoted(options)} container ${quoted(target)}`;
    lines.push(`mkdir ${quoted(upper)} ${quoted(work)}`, path === "/" ? mount : `${mount} 2>/dev/null || true`);
  }
  for (const path of KERNEL_FOLDERS) lines.push(`mount --rbind ${path} ${quoted(root + path)}`);
  lines.push(`mount -t tmpfs shm ${quoted(`${root}/dev/shm`)}`);
  for (const [path, script] of view.programs) lines.push(...writeProgram(root + withoutLinks(path), script));
  for (const mount of view.mounts) lines.push(...bind(root, mount));
  for (const path of view.kept) {
    if (view.mounts.some(({ target }) => path.startsWith(`${target}/`)))
      lines.push(...bind(root, { source: path, target: path, readOnly: true }));
  }
  lines.push(`mount --bind ${quoted(view.hostsFile)} ${quoted(`${root}/etc/hosts`)}`);
  lines.push(`mount --bind ${quoted(join(folder, "nsswitch.conf"))} ${quoted(`${root}/etc/nsswitch.conf`)}`);
  lines.push(`printf %s ${quoted(view.hostname)} > /proc/sys/kernel/hostname`);
  if (view.readOnlyRoot) lines.push(`mount -o remount,ro ${quoted(root)}`);
  const enter = `mkdir -p "$0" 2>/dev/null; cd "$0" && exec "$@"`;
  // A container ends with the kubelet, however that ends.
  lines.push(
    `exec setpriv --pdeathsig KILL chroot ${quoted(root)} /bin/sh -c ${quoted(enter)} ${quoted(view.workingDirectory)} "$@"`,
  );
  return `${lines.join("\n")}\n`;
}

function bind(root: string, { source, target, readOnly, file }: BindMount): readonly string[] {
  const place = quoted(root + withoutLinks(target));
  const make = file === true ? `mkdir -p "$(dirname ${place})"; [ -e ${place} ] || : > ${place}` : `mkdir -p ${place}`;
  const mount = `mount --bind ${quoted(source)} ${place}`;
  return readOnly ? [make, mount, `mount -o remount,bind,ro ${place}`] : [make, mount];
}

function writeProgram(path: string, script: string): readonly string[] {
  const place = quoted(path);
  return [`mkdir -p "$(dirname ${place})"`, `printf %s ${quoted(script)} > ${place}`, `chmod 755 ${place}`];
}

/**
 * A path with the links of the machine's own folders resolved (`/var/run` is one): followed from below the layer's root,
 * they would lead out of it.
 */
function withoutLinks(path: string): string {
  if (path === "/") return path;
  if (existsSync(path)) return realpathSync(path);
  return join(withoutLinks(dirname(path)), path.slice(path.lastIndexOf("/") + 1));
}

/** Where the machine has mounted anything beside its root and the kernel's own folders. */
function otherFileSystems(): readonly string[] {
  const points = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "/")
    .filter(
      (path) => path !== "/" && !KERNEL_FOLDERS.some((folder) => path === folder || path.startsWith(`${folder}/`)),
    )
    // Paths with escapes in mountinfo are none that tests use.
    .filter((path) => !path.includes("\\") && !path.includes(","));
  return [...new Set(points)].sort();
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
