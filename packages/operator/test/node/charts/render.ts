import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { findPeer, requirePeer } from "@quorate/testkit";
import { parseAllDocuments } from "yaml";
import type { KubeObject } from "../../../src/core/index.ts";

export const ROOT: string = join(import.meta.dirname, "..", "..", "..", "..", "..");
export const CHART: string = join(ROOT, "charts", "quorate-operator");
export const hasHelm: boolean = findPeer("helm") !== undefined;
/** Values of the shapes that are supported: paths by name. */
export const SHAPES: readonly (readonly [string, string])[] = readdirSync(join(CHART, "ci"))
  .filter((name) => name.endsWith("-values.yaml"))
  .map((name) => [name.replace("-values.yaml", ""), join(CHART, "ci", name)]);

/** An API server as templates see it. */
export const NEWEST: readonly string[] = [
  "--kube-version=1.33.0",
  "--api-versions=admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy",
  "--api-versions=monitoring.coreos.com/v1",
];
export const OLDEST: readonly string[] = ["--kube-version=1.20.2"];

export interface HelmResult {
  readonly code: number;
  readonly output: string;
}

export function helm(...args: readonly string[]): Promise<HelmResult> {
  return new Promise((resolve) => {
    execFile(requirePeer("helm"), args, { maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
      resolve({ code, output: code === 0 ? stdout : `${stdout}${stderr}` });
    });
  });
}

export interface Rendered extends KubeObject {
  readonly spec?: Record<string, unknown>;
  readonly rules?: readonly RoleRule[];
  readonly data?: Readonly<Record<string, string>>;
}

export interface RoleRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** The objects that the chart makes. Rejects with helm's words if it refuses. */
export async function render(...args: readonly string[]): Promise<readonly Rendered[]> {
  const { code, output } = await helm("template", "release", CHART, "--namespace=operators", ...args);
  if (code !== 0) throw new Error(output);
  return parseAllDocuments(output)
    .map((document) => document.toJSON() as Rendered | null)
    .filter((object): object is Rendered => object !== null);
}
