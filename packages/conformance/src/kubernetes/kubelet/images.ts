import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findPeer } from "@quorate/testkit";
import { REPOSITORY_ROOT } from "../../command-line.ts";

/** What stands for a container image: its programs, which are the machine's. */
export interface Image {
  /** What runs when a Pod gives no `command`. */
  readonly entrypoint: readonly string[];
  /** Name of a program in the image to the command line that stands for it. */
  readonly programs: Readonly<Record<string, readonly string[]>>;
}

/** Repository (without tag or digest) to image. */
export type ImageTable = Readonly<Record<string, Image>>;

/** In a real image programs lie in one of these; so does each name of an image's programs. */
const PROGRAM_FOLDERS = ["/usr/local/bin", "/usr/bin", "/bin"];
const PRELOAD = fileURLToPath(new URL("../../../preload/pod-network.cjs", import.meta.url));

/** The repository of an image name: without registry, tag and digest. */
export function repositoryOf(image: string): string {
  const bare = image.split("@", 1)[0] ?? image;
  const parts = bare.replace(/:[^/:]*$/, "").split("/");
  const first = parts[0] ?? "";
  if (parts.length > 1 && (/[.:]/.test(first) || first === "localhost")) parts.shift();
  return parts.join("/");
}

/** The image with that name, looked up by its repository and by the repository's last part. */
export function findImage(table: ImageTable, name: string): Image | undefined {
  const repository = repositoryOf(name);
  return table[repository] ?? table[repository.split("/").at(-1) ?? ""];
}

/** Scripts for an image's programs, by the absolute path at which a container sees them. */
export function programScripts(image: Image): ReadonlyMap<string, string> {
  const scripts = new Map<string, string>();
  for (const [name, command] of Object.entries(image.programs)) {
    const script = `#!/bin/sh\nexec ${command.map((word) => `'${word}'`).join(" ")} "$@"\n`;
    if (name.startsWith("/")) scripts.set(name, script);
    else scripts.set(`${PROGRAM_FOLDERS[0]}/${name}`, script);
  }
  return scripts;
}

/** A program of this repository (its path in the checkout), as a Node.js process that takes the Pod's address for its own. */
export function nodeProgram(path: string): readonly string[] {
  return [process.execPath, `--require=${PRELOAD}`, join(REPOSITORY_ROOT, path)];
}

/** This repository's programs, and the real etcd releases that are installed, by the image names that the project uses. */
export function standardImages(): ImageTable {
  const own = {
    quorate: nodeProgram("packages/server/bin/quorate.js"),
    quoratectl: nodeProgram("packages/cli/bin/quoratectl.js"),
    "kubectl-quorate": nodeProgram("packages/cli/bin/kubectl-quorate.js"),
    "quorate-operator": nodeProgram("packages/operator/bin/quorate-operator.js"),
  };
  const image = (name: string): Image => ({ entrypoint: [name], programs: own });
  return {
    quorate: image("quorate"),
    quoratectl: image("quoratectl"),
    "quorate-operator": image("quorate-operator"),
    busybox: { entrypoint: ["sh"], programs: {} },
    ...etcdImage("etcd", findPeer("etcd-3.5"), findPeer("etcdctl-3.5")),
  };
}

function etcdImage(name: string, etcd: string | undefined, etcdctl: string | undefined): ImageTable {
  if (etcd === undefined || etcdctl === undefined) return {};
  return { [name]: { entrypoint: ["etcd"], programs: { etcd: [etcd], etcdctl: [etcdctl] } } };
}
