import { execFile } from "node:child_process";
import { join } from "node:path";
import { EtcdNode, requirePeer } from "@quorate/testkit";
import { REPOSITORY_ROOT } from "../command-line.ts";
import type { SuiteReport } from "../suite-report.ts";

/** What users of Debian's python3-etcd3 do, against the server under test. */
export async function pythonSuite(target: readonly string[]): Promise<SuiteReport> {
  await using node = await EtcdNode.start({ program: target });
  const script = join(REPOSITORY_ROOT, "packages", "conformance", "python", "etcd3_suite.py");
  const { output, errors, failed } = await runPython(script, node.endpoint);
  const passed = output.split("\n").filter((line) => line.startsWith("ok ")).length;
  return { suite: "python3-etcd3", figure: `${passed} checks`, failures: failed ? [errors] : [] };
}

function runPython(script: string, endpoint: string): Promise<{ output: string; errors: string; failed: boolean }> {
  return new Promise((resolve) => {
    execFile(requirePeer("python3-etcd3"), [script, endpoint], { timeout: 60_000 }, (error, output, errors) => {
      resolve({ output, errors: errors === "" && error !== null ? error.message : errors, failed: error !== null });
    });
  });
}
