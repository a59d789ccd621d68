import type { FailureReason } from "../../../core/index.ts";

/** Why an agent's work failed: the reason goes into the status of its object, the message is one line for people. */
export class AgentError extends Error {
  override readonly name = "AgentError";
  readonly reason: FailureReason;

  constructor(reason: FailureReason, message: string, options?: ErrorOptions) {
    super(oneLine(message), options);
    this.reason = reason;
  }
}

/** Whether an error is an {@link AgentError}, of whatever realm. */
export function isAgentError(error: unknown): error is AgentError {
  return (error as { readonly name?: unknown } | null)?.name === "AgentError";
}

/** The message of whatever was thrown, on one line. */
export function messageOf(error: unknown): string {
  const { message } = (error ?? {}) as { readonly message?: unknown };
  return oneLine(typeof message === "string" && message !== "" ? message : String(error));
}

function oneLine(text: string): string {
  return text.replace(/\s*[\r\n]+\s*/g, "; ").trim();
}
