import type { CallOptions, ClientOptions, EtcdClient, UnaryMethod } from "@quorate/client";
import { badArguments } from "../frame/command-error.ts";
import type { CommandContext } from "../frame/context.ts";
import { applyEnvironment } from "../frame/environment.ts";
import { ExitCode } from "../frame/exit-code.ts";
import { flagText } from "../frame/flag-text.ts";
import { parseFormat, printReport, type Report, type Style } from "../print/report.ts";
import { credentialsFromFlags } from "./credentials.ts";
import { endpointsFromFlags } from "./discovery.ts";
import { commandFailure, unreachableDetail } from "./failure.ts";
import { ENVIRONMENT_PREFIX } from "./global-flags.ts";
import { tlsFromFlags } from "./tls-files.ts";

/** Variables that `watch` reads itself. CLI page, A1.2. */
const READ_BY_COMMANDS = ["ETCDCTL_WATCH_KEY", "ETCDCTL_WATCH_RANGE_END", "ETCDCTL_API"];
/** As good as no end: what a timer can hold, 24 days. */
const NO_DEADLINE_MS = 2_147_483_647;

/** A client made by the flags and the environment, with the way to print what it is answered. */
export class Connection {
  readonly client: EtcdClient;
  readonly context: CommandContext;
  readonly style: Style;
  readonly #options: ClientOptions;

  constructor(client: EtcdClient, options: ClientOptions, context: CommandContext, style: Style) {
    this.client = client;
    this.context = context;
    this.style = style;
    this.#options = options;
  }

  /** The endpoints as they were given, some perhaps twice. */
  get endpoints(): readonly string[] {
    return [this.#options.endpoints ?? []].flat();
  }

  /** One more client with the same settings, the caller's to close. */
  another(): Promise<EtcdClient> {
    return makeClient(this.#options);
  }

  /** --command-timeout */
  get timeoutMs(): number {
    return Math.max(1, this.context.flags.milliseconds("command-timeout"));
  }

  /** A call that has to be answered within --command-timeout. */
  call<Request, Response>(
    method: UnaryMethod<Request, Response>,
    request: Partial<Request>,
    options: CallOptions = {},
  ): Promise<Response> {
    return this.client.unary(method, request, { deadlineMs: this.timeoutMs, ...options });
  }

  /** A call that may take its time; only the connecting may not. CLI page, A1.2, --command-timeout. */
  callWithoutEnd<Request, Response>(
    method: UnaryMethod<Request, Response>,
    request: Partial<Request>,
    options: CallOptions = {},
  ): Promise<Response> {
    return this.client.unary(method, request, { deadlineMs: NO_DEADLINE_MS, ...options });
  }

  print(report: Report, style: Style = this.style): void {
    printReport(this.context.stdout, report, style);
  }
}

export interface ConnectOptions {
  /** The exit code for calls that fail; default 1. */
  readonly failureCode?: number;
}

/**
 * Connects by the flags and the environment, in etcdctl's order: the command has checked its arguments before, wrong settings end it with
 * code 128 (CLI page, A1.1). Runs `use` and closes the client. What `use` answers is the exit code, nothing being 0.
 */
export async function withConnection(
  context: CommandContext,
  use: (connection: Connection) => Promise<number | void>,
  options: ConnectOptions = {},
): Promise<number> {
  const connection = await connect(context);
  try {
    return (await use(connection)) ?? ExitCode.success;
  } catch (error) {
    const detail = unreachableDetail(error);
    if (detail !== undefined) context.stderr.write(`warning: ${detail}\n`);
    throw commandFailure(error, options.failureCode);
  } finally {
    await connection.client.close();
  }
}

/** Reads all settings and makes the client; nothing is sent yet. */
async function connect(context: CommandContext): Promise<Connection> {
  applyEnvironment(context, ENVIRONMENT_PREFIX, READ_BY_COMMANDS);
  if (context.flags.bool("debug")) printSettings(context);
  const endpoints = await endpointsFromFlags(context);
  const tls = await tlsFromFlags(context.flags);
  const login = await credentialsFromFlags(context);
  const style: Style = {
    format: parseFormat(context.flags.string("write-out")),
    hex: context.flags.bool("hex"),
  };
  const options = { ...limitsFromFlags(context), ...login, ...(tls === undefined ? {} : { tls }), endpoints };
  return new Connection(await makeClient(options), options, context, style);
}

/** Makes a client; wrong options are wrong arguments. The library is loaded here, since most of the start-up time is its. */
export async function makeClient(options: ClientOptions): Promise<EtcdClient> {
  const { EtcdClient: Client } = await import("@quorate/client");
  try {
    return new Client(options);
  } catch (error) {
    throw badArguments((error as Error).message);
  }
}

/**
 * Times and sizes. Unless --dial-timeout says otherwise an endpoint has the time of a whole command to be connected, as with Go's client,
 * which waits until it is ready; a login has the same time.
 */
export function limitsFromFlags(context: CommandContext): ClientOptions {
  const { flags } = context;
  const [sendMax, receiveMax] = [flags.integer("max-request-bytes"), flags.integer("max-recv-bytes")];
  const dialTimeout = flags.changed("dial-timeout") ? "dial-timeout" : "command-timeout";
  const dialTimeoutMs = Math.max(1, flags.milliseconds(dialTimeout));
  return {
    dialTimeoutMs,
    loginDeadlineMs: dialTimeoutMs,
    keepAliveTimeMs: Math.max(1, flags.milliseconds("keepalive-time")),
    keepAliveTimeoutMs: Math.max(1, flags.milliseconds("keepalive-timeout")),
    ...(sendMax > 0 ? { sendSizeBytesMax: sendMax } : {}),
    ...(receiveMax > 0 ? { receiveSizeBytesMax: receiveMax } : {}),
  };
}

/** --debug: the settings in force, as the variables that would set them. Secrets are not shown, other than in etcdctl. */
function printSettings(context: CommandContext): void {
  for (const name of context.inheritedFlags) {
    const spec = context.flags.spec(name);
    if (spec === undefined) continue;
    const isSecret = ["password", "auth-jwt-token", "user"].includes(name) && context.flags.changed(name);
    const text = isSecret ? "<set>" : flagText(spec, context.flags.value(name, [spec.kind]));
    context.stderr.write(`${ENVIRONMENT_PREFIX}_${name.toUpperCase().replaceAll("-", "_")}=${text}\n`);
  }
}
