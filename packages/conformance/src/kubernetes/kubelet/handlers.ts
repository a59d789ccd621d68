import { spawn } from "node:child_process";
import { get as httpGet } from "node:http";
import { get as httpsGet } from "node:https";
import { connect } from "node:net";
import { enteringCommand } from "./isolation.ts";
import type { Container, Handler } from "./pod.ts";

/** What probes and hooks need to know of the container they belong to. */
export interface HandlerTarget {
  readonly container: Container;
  readonly podIp: string;
  /** The running process; undefined when there is none. */
  readonly pid: number | undefined;
  readonly env: Readonly<Record<string, string>>;
}

/** What came of a probe or hook: undefined for success, or what went wrong. */
export async function runHandler(
  handler: Handler,
  target: HandlerTarget,
  timeoutMs: number,
): Promise<string | undefined> {
  const { exec, httpGet: http, tcpSocket } = handler;
  if (exec !== undefined) return await runInContainer(exec.command, target, timeoutMs);
  if (http !== undefined) {
    const url = `${(http.scheme ?? "HTTP").toLowerCase()}://${http.host ?? target.podIp}:${portOf(http.port, target)}`;
    const headers = Object.fromEntries((http.httpHeaders ?? []).map(({ name, value }) => [name, value]));
    return await getOverHttp(`${url}${http.path ?? "/"}`, headers, timeoutMs);
  }
  if (tcpSocket !== undefined)
    return await openSocket(tcpSocket.host ?? target.podIp, portOf(tcpSocket.port, target), timeoutMs);
  return "unsupported handler";
}

function runInContainer(
  words: readonly string[],
  target: HandlerTarget,
  timeoutMs: number,
): Promise<string | undefined> {
  if (target.pid === undefined) return Promise.resolve("container not running");
  const [program, ...rest] = enteringCommand(target.pid, words);
  const child = spawn(program ?? "", rest, { env: target.env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const take = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-1000);
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      resolve(`command timed out after ${timeoutMs} ms`);
    }, timeoutMs);
    const end = (text: string | undefined): void => {
      clearTimeout(timer);
      resolve(text);
    };
    child.once("error", (error) => end(error.message));
    child.once("exit", (code) => end(code === 0 ? undefined : `exit code ${code}: ${output.trim()}`));
  });
}

function getOverHttp(
  url: string,
  headers: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    // As the kubelet's, the probe looks at no certificate and follows no redirect.
    const options = { headers: { ...headers }, agent: false, rejectUnauthorized: false };
    const call = (url.startsWith("https:") ? httpsGet : httpGet)(url, options, (response) => {
      const status = response.statusCode ?? 0;
      response.resume();
      finish(status >= 200 && status < 400 ? undefined : `HTTP probe failed with statuscode: ${status}`);
      call.destroy();
    });
    const timer = setTimeout(() => {
      finish(`no answer in ${timeoutMs} ms`);
      call.destroy();
    }, timeoutMs);
    const finish = (text: string | undefined): void => {
      clearTimeout(timer);
      resolve(text);
    };
    call.on("error", (error) => finish(error.message));
  });
}

function openSocket(host: string, port: number, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (text: string | undefined): void => {
      socket.destroy();
      resolve(text);
    };
    socket.setTimeout(timeoutMs, () => finish(`no connection in ${timeoutMs} ms`));
    socket.once("connect", () => finish(undefined));
    socket.once("error", (error) => finish(error.message));
  });
}

function portOf(port: number | string, { container }: HandlerTarget): number {
  if (typeof port === "number") return port;
  const named = (container.ports ?? []).find(({ name }) => name === port)?.containerPort;
  return named ?? Number(port);
}
