import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AgentResult, AgentTask } from "../../../core/index.ts";
import { AGENT_VARIABLES, formatResult } from "../../../core/index.ts";
import type { AgentContext } from "./agent-context.ts";
import { AgentError, isAgentError, messageOf } from "./agent-error.ts";
import { memberAccess } from "./members.ts";
import { openStore, SYSTEM_PACE } from "./open-store.ts";
import type { Programs } from "./programs.ts";
import { deleteArtifact, retain } from "./retain.ts";
import { takeSnapshot } from "./take-snapshot.ts";
import { verify } from "./verify.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** What the agent's main hands in. */
export interface AgentHost {
  readonly env: Environment;
  /** One line for people, on standard error. */
  readonly log: (line: string) => void;
  /** Name and version of the program. */
  readonly tool: string;
  /** Ends the work: the Pod is being stopped. */
  readonly signal?: AbortSignal;
}

/**
 * Does the task that the environment holds and writes its result where the Pod's termination message is read from. Resolves to the exit
 * code: 0 if the work was done, 1 otherwise. Never rejects.
 */
export async function runAgent(host: AgentHost): Promise<number> {
  const { env, log } = host;
  let result: AgentResult;
  try {
    result = await carryOut(parseTask(env[AGENT_VARIABLES.task]), host);
  } catch (error) {
    const reason = isAgentError(error) ? error.reason : "AgentFailed";
    result = { ok: false, reason, message: messageOf(error) };
  }
  log(result.ok ? "done" : `failed: ${result.reason}: ${result.message}`);
  const path = env[AGENT_VARIABLES.terminationLog] ?? "/dev/termination-log";
  try {
    await writeFile(path, formatResult(result));
  } catch (error) {
    log(`the result could not be written: ${messageOf(error)}`);
    return 1;
  }
  return result.ok ? 0 : 1;
}

async function carryOut(task: AgentTask, { env, log, tool, signal: stop }: AgentHost): Promise<AgentResult> {
  const timeUp = AbortSignal.timeout(task.timeoutSeconds * 1000);
  const signal = stop === undefined ? timeUp : AbortSignal.any([timeUp, stop]);
  const store = await openStore(task.destination, env, { signal });
  const scratch = join(env[AGENT_VARIABLES.scratch] ?? "/scratch", "work");
  // A Pod before this one, or a container before this one, may have left something.
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw new AgentError("ScratchFailed", messageOf(error), { cause: error });
  });
  const context: AgentContext = {
    store,
    programs: programsOf(env),
    scratch,
    pace: SYSTEM_PACE,
    nowMs: () => Date.now(),
    log,
    signal,
    tool,
  };
  try {
    return await begin(task, context, env);
  } catch (error) {
    if (signal.aborted && !isAgentError(error)) throw new AgentError("Timeout", messageOf(error), { cause: error });
    throw error;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function begin(task: AgentTask, context: AgentContext, env: Environment): Promise<AgentResult> {
  switch (task.kind) {
    case "snapshot":
      return takeSnapshot(task, await memberAccess(env), context);
    case "verify":
      return verify(task, context);
    case "retain":
      return retain(task, context);
    case "delete":
      return deleteArtifact(task, context);
    default:
      throw new AgentError("AgentFailed", `there is no task ${JSON.stringify((task as { kind?: unknown }).kind)}`);
  }
}

function parseTask(text: string | undefined): AgentTask {
  try {
    const task = JSON.parse(text ?? "") as AgentTask;
    if (typeof task.kind === "string" && task.timeoutSeconds > 0) return task;
  } catch {
    // Told below.
  }
  throw new AgentError("AgentFailed", `${AGENT_VARIABLES.task} holds no task`);
}

/** The image has both programs on its path; elsewhere a variable holds a command as a JSON list. */
function programsOf(env: Environment): Programs {
  return {
    quoratectl: commandOf(env[AGENT_VARIABLES.quoratectl], "quoratectl"),
    server: commandOf(env[AGENT_VARIABLES.server], "quorate"),
  };
}

function commandOf(text: string | undefined, name: string): readonly string[] {
  if (text === undefined) return [name];
  return text.startsWith("[") ? (JSON.parse(text) as string[]) : [text];
}
