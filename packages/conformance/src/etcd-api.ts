import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync, type MethodDefinition, type ServiceDefinition } from "@grpc/proto-loader";

/** A message as plain data: wire field names, 64-bit integers as decimal strings, bytes as Buffers, absent messages null. */
export type Message = Readonly<Record<string, unknown>>;

/** What a unary call came to: the response, or the status that a client sees. */
export type Outcome =
  | { readonly ok: true; readonly response: Message }
  | { readonly ok: false; readonly code: number; readonly message: string };

/** A unary call that is not answered yet. */
export interface PendingCall {
  /** Never rejects. */
  readonly outcome: Promise<Outcome>;
  readonly cancel: () => void;
}

type Method = MethodDefinition<object, object, object, object>;

const here = dirname(fileURLToPath(import.meta.url));
const DEADLINE_MS = 20_000;

/** Names and values sent with a call, such as the token of a user. */
export type CallMetadata = Readonly<Record<string, string>>;

/** Folder of the contracts: this repository's own, or those inside the npm package etcd3, which lack the newer fields. */
function protoFolder(): string {
  const own = join(here, "..", "..", "protocol", "proto");
  if (existsSync(join(own, "rpc.proto"))) return own;
  return join(dirname(createRequire(import.meta.url).resolve("etcd3/package.json")), "proto");
}

function loadMethods(): ReadonlyMap<string, Method> {
  const folder = protoFolder();
  const files = readdirSync(folder).filter((name) => name.endsWith(".proto"));
  const definitions = loadSync(files, {
    includeDirs: [folder],
    keepCase: true,
    longs: String,
    defaults: true,
    arrays: true,
    oneofs: true,
  });
  const methods = new Map<string, Method>();
  for (const definition of Object.values(definitions)) {
    for (const method of Object.values(definition as ServiceDefinition)) {
      if (typeof method?.path === "string") methods.set(method.path, withoutEmptyEnds(method as Method));
    }
  }
  return methods;
}

/**
 * Leaves an empty `range_end` out, as proto3 encoders do. This library writes what it is given; up to 3.6 etcd takes an end that
 * is there but empty for "from the key on", which no real client asks for that way.
 */
function withoutEmptyEnds(method: Method): Method {
  return {
    ...method,
    requestSerialize: (request: object) => method.requestSerialize(dropEmptyEnds(request) as Message),
  };
}

function dropEmptyEnds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(dropEmptyEnds);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  const fields = Object.entries(value).filter(
    ([name, field]) => name !== "range_end" || (field as Uint8Array).length > 0,
  );
  return Object.fromEntries(fields.map(([name, field]: [string, unknown]) => [name, dropEmptyEnds(field)]));
}

let methods: ReadonlyMap<string, Method> | undefined;

/** The method `KV/Range` or, outside of etcdserverpb, `v3lockpb.Lock/Lock`. Throws for a name that no contract has. */
function methodOf(name: string): Method {
  methods ??= loadMethods();
  const path = name.includes(".") ? `/${name}` : `/etcdserverpb.${name}`;
  const method = methods.get(path);
  if (method === undefined) throw new Error(`no contract has the method ${path}`);
  return method;
}

/** True when the loaded contracts have this method. */
export function hasMethod(name: string): boolean {
  methods ??= loadMethods();
  return methods.has(name.includes(".") ? `/${name}` : `/etcdserverpb.${name}`);
}

/** The bytes of a request message of a method. */
export function encodeRequest(method: string, request: Message): Buffer {
  return methodOf(method).requestSerialize(request);
}

/**
 * A client for every RPC of an etcd-like server, on one connection of its own. Nothing is retried or hidden: each call
 * gives exactly what came over the wire.
 */
export class EtcdApi {
  readonly #client: Client;

  /**
   * `endpoint` is `host:port`, plain text unless there are `channel` credentials. `serverName` is what the server is to be
   * certified for, where that is not the endpoint's host. Connects lazily.
   */
  constructor(endpoint: string, channel: ChannelCredentials = credentials.createInsecure(), serverName?: string) {
    this.#client = new Client(endpoint, channel, {
      "grpc.max_receive_message_length": -1,
      "grpc.max_send_message_length": -1,
      "grpc.use_local_subchannel_pool": 1,
      "grpc.initial_reconnect_backoff_ms": 50,
      "grpc.max_reconnect_backoff_ms": 200,
      ...(serverName === undefined ? {} : { "grpc.ssl_target_name_override": serverName }),
    });
  }

  /** Resolves when connected; rejects after `timeoutMs`. */
  ready(timeoutMs: number = 10_000): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.waitForReady(Date.now() + timeoutMs, (error) => (error == null ? resolve() : reject(error)));
    });
  }

  /** One unary call, such as `call("KV/Put", { key, value })`. Never rejects for a status. */
  call(
    method: string,
    request: Message,
    deadlineMs: number = DEADLINE_MS,
    metadata: CallMetadata = {},
  ): Promise<Outcome> {
    return this.begin(method, request, deadlineMs, metadata).outcome;
  }

  /** The same for a call that may be given up, or is made by who has logged in. */
  begin(method: string, request: Message, deadlineMs: number = DEADLINE_MS, metadata: CallMetadata = {}): PendingCall {
    const definition = methodOf(method);
    let cancel = (): void => {};
    const outcome = new Promise<Outcome>((resolve) => {
      const call = this.#client.makeUnaryRequest(
        definition.path,
        definition.requestSerialize,
        definition.responseDeserialize,
        request,
        metadataOf(metadata),
        { deadline: Date.now() + deadlineMs },
        (error, response) => resolve(outcomeOf(error, response as Message | undefined)),
      );
      cancel = () => call.cancel();
    });
    return { outcome, cancel };
  }

  /** The response of a call that must succeed. Rejects with the status otherwise. */
  async must(method: string, request: Message, deadlineMs: number = DEADLINE_MS): Promise<Message> {
    const outcome = await this.call(method, request, deadlineMs);
    if (outcome.ok) return outcome.response;
    throw new Error(`${method}: code ${outcome.code}: ${outcome.message}`);
  }

  /** One unary call with a request that is encoded already, well or not. */
  callEncoded(method: string, bytes: Uint8Array, metadata: CallMetadata = {}): Promise<Outcome> {
    const definition = methodOf(method);
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        definition.path,
        (value: Uint8Array) => Buffer.from(value),
        definition.responseDeserialize,
        bytes,
        metadataOf(metadata),
        { deadline: Date.now() + DEADLINE_MS },
        (error, response) => resolve(outcomeOf(error, response as Message | undefined)),
      );
    });
  }

  /** One unary call of any path with any bytes; the response stays encoded under `bytes`. */
  raw(path: string, bytes: Uint8Array): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        path,
        (value: Uint8Array) => Buffer.from(value),
        (value: Buffer) => ({ bytes: value }),
        bytes,
        new Metadata(),
        { deadline: Date.now() + DEADLINE_MS },
        (error, response) => resolve(outcomeOf(error, response)),
      );
    });
  }

  /** Opens a bidirectional stream, such as `Watch/Watch`. The caller handles its events, `error` among them. */
  duplex(method: string, metadata: CallMetadata = {}): ClientDuplexStream<Message, Message> {
    const definition = methodOf(method);
    return this.#client.makeBidiStreamRequest(
      definition.path,
      definition.requestSerialize as (value: Message) => Buffer,
      definition.responseDeserialize as (value: Buffer) => Message,
      metadataOf(metadata),
    );
  }

  /** Opens a server stream, such as `Maintenance/Snapshot`. */
  serverStream(method: string, request: Message, metadata: CallMetadata = {}): ClientReadableStream<Message> {
    const definition = methodOf(method);
    return this.#client.makeServerStreamRequest(
      definition.path,
      definition.requestSerialize as (value: Message) => Buffer,
      definition.responseDeserialize as (value: Buffer) => Message,
      request,
      metadataOf(metadata),
    );
  }

  close(): void {
    this.#client.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function metadataOf(values: CallMetadata): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(values)) metadata.set(name, value);
  return metadata;
}

function outcomeOf(error: ServiceError | null, response: Message | undefined): Outcome {
  if (error === null && response !== undefined) return { ok: true, response };
  return { ok: false, code: error?.code ?? 2, message: error?.details ?? "no response" };
}
