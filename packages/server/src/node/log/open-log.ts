import type { LogConfig } from "../config/server-config.ts";
import { encodeConsole, encodeJson } from "./line-encoder.ts";
import { fileOutput, standardOutput } from "./log-output.ts";
import { LogSampler } from "./log-sampler.ts";
import { DEFAULT_QUEUE_CHARS, type LogOutput, type LogSink, QueuedSink } from "./log-sink.ts";
import { rotatingFile } from "./rotating-file.ts";
import { StructuredLogger } from "./structured-logger.ts";

/** The log of a running server. */
export interface ServerLog {
  readonly logger: StructuredLogger;
  /** Lines lost since the start because an output did not take them. */
  droppedLines(): number;
  /** Writes what is queued before it returns, within `timeoutMs` (default 500); for the way out after a fatal error. */
  flushNow(timeoutMs?: number): void;
  /** Resolves when all is written, or after `timeoutMs` (default 1000). Idempotent. */
  close(timeoutMs?: number): Promise<void>;
}

/**
 * Opens every output of `config`. Throws an `Error` that names the output and the reason when one cannot be opened. Pass
 * `sinks` to log elsewhere, e.g. in tests.
 */
export function openLog(config: LogConfig, sinks?: readonly LogSink[]): ServerLog {
  const encode = config.format === "console" ? encodeConsole : encodeJson;
  const droppedLine = (count: number): string =>
    encode({
      level: "warn",
      wallMs: Date.now(),
      caller: "",
      message: "dropped log lines because the output did not take them",
      bound: "",
      fields: { "dropped-lines": count },
    });
  let tell: (what: string, error: unknown) => void = () => {};
  const targets = sinks ?? openSinks(config, droppedLine, (what, error) => tell(what, error));
  const [only] = targets;
  const write =
    targets.length === 1 && only !== undefined
      ? (line: string) => only.write(line)
      : (line: string) => {
          for (const sink of targets) sink.write(line);
        };
  const logger = new StructuredLogger({
    level: config.level,
    encode,
    write,
    sampler: new LogSampler(),
    wallMs: () => Date.now(),
  });
  tell = (what, error) => logger.warn(what, { error: error instanceof Error ? error.message : String(error) });
  return {
    logger,
    droppedLines: () => targets.reduce((total, sink) => total + sink.droppedLines, 0),
    flushNow(timeoutMs = 500) {
      for (const sink of targets) sink.flushNow(timeoutMs);
    },
    async close(timeoutMs = 1000) {
      await Promise.all(targets.map((sink) => sink.close(timeoutMs)));
    },
  };
}

function openSinks(
  { outputs, rotation }: LogConfig,
  droppedLine: (count: number) => string,
  onProblem: (what: string, error: unknown) => void,
): LogSink[] {
  const openFile = (path: string): LogOutput =>
    // A device has no old files.
    rotation === undefined || path.startsWith("/dev/")
      ? fileOutput(path)
      : rotatingFile(path, { rotation, wallMs: () => Date.now(), onProblem });
  // As in etcd, /dev/null beside others discards all.
  const wanted = outputs.includes("/dev/null") ? ["/dev/null"] : [...new Set(outputs.map(canonical))];
  return wanted.map((name) => {
    let output: LogOutput;
    try {
      output = name === "stderr" ? standardOutput(2) : name === "stdout" ? standardOutput(1) : openFile(name);
    } catch (error) {
      throw new Error(`cannot open log output ${name}: ${(error as Error).message}`, { cause: error });
    }
    return new QueuedSink(output, { queueCharsMax: DEFAULT_QUEUE_CHARS, droppedLine, retryMs: 20 });
  });
}

/** There is no journald client here; what systemd starts has its standard error in the journal anyway. */
function canonical(name: string): string {
  return name === "default" || name === "systemd/journal" ? "stderr" : name;
}
