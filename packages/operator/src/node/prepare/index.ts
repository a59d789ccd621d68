import { PREPARE_EXIT, prepare } from "./prepare.ts";
import { parsePrepareTask } from "./prepare-task.ts";

export type { Prepared } from "./prepare.ts";
export { PREPARE_EXIT, prepare } from "./prepare.ts";
export type { PrepareTask } from "./prepare-task.ts";
export { parsePrepareTask } from "./prepare-task.ts";

/** `quorate-operator prepare`: resolves to the exit code; what there is to say goes to standard error, from where Kubernetes shows it. */
export async function runPrepare(
  env: Readonly<Record<string, string | undefined>>,
  write: (line: string) => void,
): Promise<number> {
  try {
    const quoratectl = (env["QUORATECTL"] ?? "quoratectl").split(" ");
    const { exitCode, message } = await prepare(parsePrepareTask(env), { env, quoratectl });
    write(message);
    return exitCode;
  } catch (error) {
    write(error instanceof Error ? error.message : String(error));
    return PREPARE_EXIT.failed;
  }
}
