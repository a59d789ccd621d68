import { readFileSync } from "node:fs";
import type { Clock } from "@quorate/base";
import { inClusterConnection, type KubeConnection, kubeconfigConnection } from "../kube/index.ts";

export const SYSTEM_CLOCK: Clock = { nowMs: () => performance.now(), wallMs: () => Date.now() };

/** By the Pod's service account, unless a file or a context is given ("" if not); outside of a Pod as kubectl does it. */
export async function connect(
  { kubeconfig, context }: { readonly kubeconfig: string; readonly context: string },
  environment: Readonly<Record<string, string | undefined>>,
): Promise<KubeConnection> {
  const optional = (text: string): string | undefined => (text === "" ? undefined : text);
  const own =
    kubeconfig === "" && context === ""
      ? inClusterConnection({ environment, readFile: (path) => readFileSync(path, "utf8"), clock: SYSTEM_CLOCK })
      : undefined;
  return own ?? (await kubeconfigConnection(optional(kubeconfig), optional(context)));
}
