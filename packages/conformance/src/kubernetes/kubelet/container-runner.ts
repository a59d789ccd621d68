import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ContainerProcess, type ProcessEnd } from "./container-process.ts";
import { type HandlerTarget, runHandler } from "./handlers.ts";
import type { Container, ContainerState, ContainerStatus } from "./pod.ts";
import { probeSteadily } from "./prober.ts";

/** How a container is to be started; made anew for each start, since what it is made of may change. */
export interface StartPlan {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Why a container cannot be started now; it is tried again. */
export class NotStartable extends Error {
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

export interface RunnerOptions {
  readonly container: Container;
  readonly podIp: string;
  /** Logs of all starts go to files in it. */
  readonly logFolder: string;
  /** What the container leaves in it is told with its end. */
  readonly terminationMessageFile: string;
  /** Whether a container that ended with this code is started again. */
  readonly restarts: (exitCode: number) => boolean;
  /** Throws `NotStartable`. */
  readonly plan: () => StartPlan;
  /** Called whenever the status may have changed. */
  readonly changed: () => void;
  /** Told to people who read the kubelet's diary. */
  readonly note: (text: string) => void;
}

const BACK_OFF_FIRST_MS = 500;
const BACK_OFF_MAX_MS = 8000;
const BACK_OFF_RESET_MS = 60_000;
const RETRY_MS = 500;
/** Characters, as a real kubelet cuts bytes. */
const TERMINATION_MESSAGE_MAX = 4096;
const TERMINATION_LOG_MAX = 2048;

/** One container of a Pod over all its restarts: starts it, probes it, starts it again, ends it. */
export class ContainerRunner {
  readonly #options: RunnerOptions;
  readonly #stopping = new AbortController();
  #process: ContainerProcess | undefined;
  /** The process that a probe has given up. */
  #failed: ContainerProcess | undefined;
  #env: Readonly<Record<string, string>> = {};
  #state: ContainerState = { waiting: { reason: "ContainerCreating" } };
  #lastState: ContainerState = {};
  #restarts = 0;
  #isReady = false;
  #hasStarted = false;
  #backOffMs = BACK_OFF_FIRST_MS;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.container.name;
  }

  /** The running process's id. */
  get pid(): number | undefined {
    return this.#process?.isOver === false ? this.#process.pid : undefined;
  }

  /** The newest log file; with `previous`, that of the start before. */
  logFile(previous: boolean = false): string {
    return this.#logFileOf(Math.max(0, this.#restarts - (previous ? 1 : 0)));
  }

  status(): ContainerStatus {
    const { container } = this.#options;
    return {
      name: container.name,
      image: container.image,
      imageID: `test://${container.image}`,
      containerID: this.#process === undefined ? "" : `test://${this.#process.pid}`,
      state: this.#state,
      lastState: this.#lastState,
      ready: this.#isReady,
      started: this.#hasStarted,
      restartCount: this.#restarts,
    };
  }

  /** True when it has ended for good. */
  get isOver(): boolean {
    const { terminated } = this.#state;
    return terminated !== undefined && (this.#stopping.signal.aborted || !this.#options.restarts(terminated.exitCode));
  }

  /** Runs it until it ends for good; its last exit code, or undefined when it was stopped before it ever ran. */
  async run(): Promise<number | undefined> {
    while (!this.#stopping.signal.aborted) {
      if (!this.#start()) {
        await this.#pause(RETRY_MS);
        continue;
      }
      const end = await this.#watch();
      if (this.#stopping.signal.aborted || !this.#options.restarts(end.exitCode)) break;
      await this.#backOff(end.exitCode);
    }
    return this.#state.terminated?.exitCode;
  }

  /** Ends it for good: hook, SIGTERM, and SIGKILL when the grace is over. Resolves when it has ended. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    await this.#terminate(graceMs);
  }

  /** SIGKILL to the running process, as a crash would end it; it is started again by its policy. */
  crash(): void {
    this.#process?.kill();
  }

  #start(): boolean {
    let plan: StartPlan;
    try {
      plan = this.#options.plan();
    } catch (error) {
      if (!(error instanceof NotStartable)) throw error;
      this.#set({ waiting: { reason: error.reason, message: error.message } });
      return false;
    }
    mkdirSync(this.#options.logFolder, { recursive: true });
    this.#env = plan.env;
    const process = new ContainerProcess({ ...plan, logFile: this.#logFileOf(this.#restarts) });
    this.#process = process;
    this.#hasStarted = this.#options.container.startupProbe === undefined;
    this.#isReady = this.#hasStarted && this.#options.container.readinessProbe === undefined;
    this.#set({ running: { startedAt: process.startedAt } });
    return true;
  }

  async #watch(): Promise<ProcessEnd> {
    const process = this.#process;
    if (process === undefined) throw new Error("no process to watch");
    const probes = new AbortController();
    const startedMs = performance.now();
    const probing = this.#probe(probes.signal);
    const end = await process.ended;
    probes.abort();
    await probing;
    if (performance.now() - startedMs > BACK_OFF_RESET_MS) this.#backOffMs = BACK_OFF_FIRST_MS;
    this.#isReady = false;
    this.#hasStarted = false;
    const reason = end.exitCode === 0 ? "Completed" : "Error";
    const { exitCode, signal, finishedAt } = end;
    this.#options.note(`${this.name} ended with code ${exitCode}`);
    const message = this.#terminationMessage(exitCode);
    const ended = {
      exitCode,
      reason,
      startedAt: process.startedAt,
      finishedAt,
      ...(message === "" ? {} : { message }),
    };
    this.#set({ terminated: signal === undefined ? ended : { ...ended, signal } });
    return end;
  }

  /** The container's own words, or, if it asks for that and failed without any, the end of its log. */
  #terminationMessage(exitCode: number): string {
    const { container, terminationMessageFile } = this.#options;
    const own = textOf(terminationMessageFile).slice(0, TERMINATION_MESSAGE_MAX);
    if (own !== "" || exitCode === 0 || container.terminationMessagePolicy !== "FallbackToLogsOnError") return own;
    return textOf(this.logFile()).slice(-TERMINATION_LOG_MAX);
  }

  async #backOff(exitCode: number): Promise<void> {
    const waitMs = this.#backOffMs;
    this.#backOffMs = Math.min(this.#backOffMs * 2, BACK_OFF_MAX_MS);
    this.#lastState = this.#state;
    const message = `back-off ${waitMs}ms restarting failed container=${this.name} after code ${exitCode}`;
    // The first restart comes at once in a real kubelet, and is not called a loop there.
    if (this.#restarts > 0) this.#set({ waiting: { reason: "CrashLoopBackOff", message } });
    await this.#pause(waitMs);
    if (!this.#stopping.signal.aborted) this.#restarts += 1;
  }

  async #probe(signal: AbortSignal): Promise<void> {
    const { startupProbe, readinessProbe, livenessProbe } = this.#options.container;
    const target = (): HandlerTarget => this.#target();
    if (startupProbe !== undefined) {
      const passed = new AbortController();
      const either = AbortSignal.any([signal, passed.signal]);
      const decided = (healthy: boolean, message: string): void => {
        if (!healthy) return this.#fail("startup", message);
        this.#hasStarted = true;
        passed.abort();
      };
      await probeSteadily(startupProbe, target, decided, either);
      if (signal.aborted) return;
      if (readinessProbe === undefined) this.#setReady(true);
      else this.#options.changed();
    }
    const running: Promise<void>[] = [];
    if (readinessProbe !== undefined)
      running.push(probeSteadily(readinessProbe, target, (healthy) => this.#setReady(healthy), signal));
    if (livenessProbe !== undefined) {
      const decided = (healthy: boolean, message: string): void => {
        if (!healthy) this.#fail("liveness", message);
      };
      running.push(probeSteadily(livenessProbe, target, decided, signal));
    }
    await Promise.all(running);
  }

  #fail(probe: string, message: string): void {
    if (this.#failed === this.#process) return;
    this.#failed = this.#process;
    this.#options.note(`${this.name} failed its ${probe} probe: ${message}`);
    void this.#terminate(30_000);
  }

  async #terminate(graceMs: number): Promise<void> {
    const process = this.#process;
    if (process === undefined || process.isOver) return;
    const deadline = performance.now() + graceMs;
    const hook = this.#options.container.lifecycle?.preStop;
    if (hook !== undefined && graceMs > 0) {
      const problem = await Promise.race([
        runHandler(hook, this.#target(), graceMs),
        process.ended.then(() => "ended"),
      ]);
      if (problem !== undefined) this.#options.note(`${this.name}: preStop: ${problem}`);
    }
    if (graceMs > 0) process.signal("SIGTERM");
    const timer = setTimeout(() => process.kill(), Math.max(0, deadline - performance.now()));
    await process.ended;
    clearTimeout(timer);
  }

  #target(): HandlerTarget {
    const { container, podIp } = this.#options;
    return { container, podIp, pid: this.pid, env: this.#env };
  }

  #setReady(ready: boolean): void {
    if (this.#isReady === ready) return;
    this.#isReady = ready;
    this.#options.changed();
  }

  #set(state: ContainerState): void {
    this.#state = state;
    this.#options.changed();
  }

  #logFileOf(start: number): string {
    return join(this.#options.logFolder, `${this.name}-${start}.log`);
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}

function textOf(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
