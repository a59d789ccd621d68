import type { SignalName } from "./context.ts";
import { ExitCode } from "./exit-code.ts";

/** Ends a command: the program prints `Error: message` and exits with `exitCode`. */
export class CommandError extends Error {
  readonly exitCode: number;
  /** The signal that the process is to end by; then no message is printed. */
  readonly signal: SignalName | undefined;

  constructor(exitCode: number, message: string, options?: ErrorOptions & { readonly signal?: SignalName }) {
    super(message, options);
    this.name = "CommandError";
    this.exitCode = exitCode;
    this.signal = options?.signal;
  }
}

/** Wrong arguments (exit code 128). */
export function badArguments(message: string): CommandError {
  return new CommandError(ExitCode.badArguments, message);
}

const SIGNAL_NUMBERS: Readonly<Record<SignalName, number>> = { SIGINT: 2, SIGTERM: 15 };
const SIGNALLED = 128;

/**
 * Ends a command that a signal has ended early, once it has cleaned up: without a word and by the signal itself, as the signal ends any
 * Go program that does not listen to it. The exit code is the one that shells name such an end by.
 */
export function endedBy(signal: SignalName): CommandError {
  return new CommandError(SIGNALLED + SIGNAL_NUMBERS[signal], `ended by ${signal}`, { signal });
}

/** The signal that an error ends the program by. Told by the field, as the exit code is. */
export function signalOf(error: unknown): SignalName | undefined {
  return (error as { signal?: SignalName } | undefined)?.signal;
}

/** The exit code that an error carries, 1 for any other. Told by the field, not the class: tests run in another realm. */
export function exitCodeOf(error: unknown): number {
  const code = (error as { exitCode?: unknown } | undefined)?.exitCode;
  return typeof code === "number" ? code : ExitCode.error;
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  const message = (error as { message?: unknown } | undefined)?.message;
  return typeof message === "string" ? message : String(error);
}
