import { spawn } from "node:child_process";

/** Runs a line of bash; how it ended and what was printed. */
export function endOfShell(
  line: string,
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn("bash", ["-c", line], { stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return new Promise((done) => {
    child.once("close", (code) => done({ code, stdout, stderr }));
  });
}
