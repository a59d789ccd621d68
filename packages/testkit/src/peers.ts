import { accessSync, constants, existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** Programs that suites run beside or against the server under test; scripts/peers installs them. */
export type PeerName =
  | "etcd-3.4"
  | "etcdctl-3.4"
  | "etcd-3.5"
  | "etcdctl-3.5"
  | "h2load"
  | "python3-etcd3"
  | "kube-apiserver"
  | "kube-controller-manager"
  | "kubectl"
  | "helm";

const KUBERNETES_PEERS: readonly PeerName[] = ["kube-apiserver", "kube-controller-manager", "kubectl", "helm"];

/** The folder that the install scripts fill: QUORATE_PEERS, or the user's cache folder. */
export function peersDirectory(): string {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  return process.env["QUORATE_PEERS"] ?? join(cache, "quorate-peers");
}

/** Path of an installed peer, or undefined. For python3-etcd3 it is the Python that has the module. */
export function findPeer(name: PeerName): string | undefined {
  return candidates(name).find((path) => isProgram(path));
}

/** Path of an installed peer. Throws, naming the script that installs it, when it is missing. */
export function requirePeer(name: PeerName): string {
  const path = findPeer(name);
  if (path === undefined) throw new Error(`${name} is not installed; run scripts/peers/${scriptFor(name)} as root`);
  return path;
}

/** Those of `names` that are not installed. */
export function missingPeers(names: readonly PeerName[]): readonly PeerName[] {
  return names.filter((name) => findPeer(name) === undefined);
}

/** True when a missing peer is to fail the run instead of skipping a suite (QUORATE_REQUIRE_PEERS=1, set in CI). */
export function peersAreRequired(): boolean {
  return process.env["QUORATE_REQUIRE_PEERS"] === "1";
}

/**
 * Command line of the server under test: QUORATE_SERVER (words separated by spaces), or this repository's own program
 * once it is built. Undefined when there is none.
 */
export function serverUnderTest(repositoryRoot: string): readonly string[] | undefined {
  const given = process.env["QUORATE_SERVER"]?.trim();
  if (given !== undefined && given !== "") return given.split(/\s+/);
  const own = join(repositoryRoot, "packages", "server", "bin", "quorate.js");
  return existsSync(own) ? [own] : undefined;
}

function candidates(name: PeerName): readonly string[] {
  const cache = peersDirectory();
  switch (name) {
    case "etcd-3.4":
      return ["/usr/bin/etcd"];
    case "etcdctl-3.4":
      return ["/usr/bin/etcdctl"];
    case "etcd-3.5":
      return [join(cache, "etcd-3.5.30", "etcd")];
    case "etcdctl-3.5":
      return [join(cache, "etcd-3.5.30", "etcdctl")];
    case "h2load":
      return onPath("h2load");
    case "python3-etcd3":
      return existsSync("/usr/lib/python3/dist-packages/etcd3/__init__.py") ? ["/usr/bin/python3"] : [];
    case "kube-apiserver":
    case "kube-controller-manager":
    case "kubectl":
    case "helm":
      return [...assets(name), join(cache, "kubernetes", name)];
    default:
      return [];
  }
}

function assets(name: string): readonly string[] {
  const folder = process.env["KUBEBUILDER_ASSETS"];
  return folder === undefined || folder === "" ? [] : [join(folder, name)];
}

function onPath(program: string): readonly string[] {
  return (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, program));
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function scriptFor(name: PeerName): string {
  return KUBERNETES_PEERS.includes(name) ? "install-kubernetes.sh" : "install-etcd.sh";
}
