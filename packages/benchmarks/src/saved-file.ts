import { execFile } from "node:child_process";
import { rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { createHashKVRequest, decodeHashKVResponse, encodeHashKVRequest } from "@quorate/protocol";
import { EtcdNode, requirePeer } from "@quorate/testkit";
import { unary } from "./unary.ts";

/*
 * What a saved file is good for: `snapshot status` reads it, `snapshot restore` makes a data directory of it, a server starts from that
 * and holds the same as the one that was saved did at the file's revision.
 */

const TIMEOUT_MS = 120_000;
const HASH_KV = "/etcdserverpb.Maintenance/HashKV";

/** A program that restores, and the server that starts from what it made. */
export interface Restorer {
  readonly title: string;
  /** Program and leading arguments of `snapshot status` and `snapshot restore`. */
  readonly control: readonly string[];
  readonly server: readonly string[];
}

/** The hash of a member's keys as of a revision, and what it was compacted at. */
export interface KeyHash {
  readonly hash: number;
  readonly compactRevision: number;
}

/** Runs a client to its end; what it printed. Rejects with its errors. */
export async function runControl(control: readonly string[], args: readonly string[]): Promise<string> {
  const [program = "", ...leading] = control;
  const { stdout } = await promisify(execFile)(program, [...leading, ...args], { timeout: TIMEOUT_MS });
  return stdout;
}

/** `HashKV` of the member with this client port. */
export function keyHashOf(port: number, revision: number): Promise<KeyHash> {
  const decode = (bytes: Buffer, start: number, end: number): KeyHash => {
    const { compactRevision, hash } = decodeHashKVResponse(bytes, start, end);
    return { hash, compactRevision };
  };
  return unary(port, HASH_KV, encodeHashKVRequest(createHashKVRequest({ revision })), decode, TIMEOUT_MS);
}

/** etcd of both releases that are here, each with its own etcdctl. */
export function etcdRestorers(): readonly Restorer[] {
  const restorer = (title: string, control: string, server: string): Restorer => {
    return { title, control: [control], server: [server] };
  };
  return [
    restorer("etcd 3.4.23", requirePeer("etcdctl-3.4"), requirePeer("etcd-3.4")),
    restorer("etcd 3.5.30", requirePeer("etcdctl-3.5"), requirePeer("etcd-3.5")),
  ];
}

/** This repository's own: `quorate`, its program, and the `quoratectl` beside it. */
export function quorateRestorer(quorate: readonly string[]): Restorer {
  const packages = join(dirname(quorate[0] ?? ""), "../..");
  return { title: "Quorate", control: [join(packages, "cli/bin/quoratectl.js")], server: quorate };
}

/**
 * Restores the file and starts a server from it, which must hold what the member with client port `savedPort` held at the file's
 * revision. Rejects, naming the step, when anything is refused or differs.
 */
export async function proveRestorable(path: string, savedPort: number, restorer: Restorer): Promise<string> {
  const status = JSON.parse(await runControl(restorer.control, ["snapshot", "status", path, "-w", "json"])) as {
    readonly revision: number;
    readonly totalKey: number;
    readonly totalSize: number;
  };
  if (status.totalSize === 0 || status.totalSize > statSync(path).size) {
    throw new Error(`${restorer.title} says that the file has ${status.totalSize} bytes`);
  }
  const node = await EtcdNode.prepare({ program: restorer.server, readyTimeoutMs: TIMEOUT_MS });
  try {
    rmSync(node.dataDirectory, { recursive: true });
    await runControl(restorer.control, [
      "snapshot",
      "restore",
      path,
      `--data-dir=${node.dataDirectory}`,
      `--name=${node.name}`,
      `--initial-cluster=${node.name}=${node.peerUrl}`,
      `--initial-advertise-peer-urls=${node.peerUrl}`,
    ]);
    await node.restart();
    const [saved, restored] = [
      await keyHashOf(savedPort, status.revision),
      await keyHashOf(node.clientPort, status.revision),
    ];
    const said = `HashKV at revision ${status.revision}: ${saved.hash} saved, ${restored.hash} in ${restorer.title}`;
    if (saved.hash !== restored.hash || saved.compactRevision !== restored.compactRevision) throw new Error(said);
    return `${said}, ${status.totalKey} records`;
  } finally {
    await node.close();
  }
}
