import { EMPTY_BYTES, utf8Bytes, utf8TextStrict } from "@quorate/base";
import { Status } from "./status.ts";
import type { Services, StreamCall, UnaryCall } from "./types.ts";

/** `grpc.health.v1.HealthCheckResponse.ServingStatus`. */
export const ServingStatus = { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } as const;
export type ServingStatus = (typeof ServingStatus)[keyof typeof ServingStatus];

/** The standard health service with its switch. */
export interface Health {
  /** To be spread into `GrpcServerOptions.services`. */
  readonly services: Services;
  /** Sets the status of `service` ("" stands for the whole server) and tells who watches it. */
  setStatus(service: string, status: ServingStatus): void;
  /** Sets every known service to NOT_SERVING, for the time of a drain. */
  shutdown(): void;
}

const MALFORMED = "grpc: error unmarshalling request: malformed HealthCheckRequest";

/**
 * The service `grpc.health.v1.Health` (Check, List, Watch) over a table of statuses, initially those given. An unknown
 * service is NOT_FOUND `unknown service` to Check and SERVICE_UNKNOWN to Watch. Source: grpc/grpc doc/health-checking.md.
 */
export function healthServices(
  initial: Readonly<Record<string, ServingStatus>> = { "": ServingStatus.SERVING },
): Health {
  const statuses = new Map<string, ServingStatus>(Object.entries(initial));
  const watchers = new Map<string, Set<StreamCall>>();

  const check = (call: UnaryCall, message: Uint8Array): void => {
    const service = decodeService(message);
    if (service === undefined) return call.fail(Status.INTERNAL, MALFORMED);
    const status = statuses.get(service);
    if (status === undefined) return call.fail(Status.NOT_FOUND, "unknown service");
    call.respond(encodeStatus(status));
  };

  const list = (call: UnaryCall): void => {
    const bytes: number[] = [];
    for (const [service, status] of statuses) writeListEntry(bytes, service, status);
    call.respond(Uint8Array.from(bytes));
  };

  const watch = (call: StreamCall): void => {
    call.onMessage = (message) => {
      const service = decodeService(message);
      if (service === undefined) return call.fail(Status.INTERNAL, MALFORMED);
      const set = watchers.get(service) ?? new Set<StreamCall>();
      watchers.set(service, set.add(call));
      call.onCancel = () => {
        set.delete(call);
        if (set.size === 0 && watchers.get(service) === set) watchers.delete(service);
      };
      call.send(encodeStatus(statuses.get(service) ?? ServingStatus.SERVICE_UNKNOWN));
    };
  };

  const setStatus = (service: string, status: ServingStatus): void => {
    if (statuses.get(service) === status) return;
    statuses.set(service, status);
    for (const call of watchers.get(service) ?? []) call.send(encodeStatus(status));
  };

  return {
    services: {
      "grpc.health.v1.Health": {
        Check: { kind: "unary", handler: check },
        List: { kind: "unary", handler: list },
        Watch: { kind: "serverStream", handler: watch },
      },
    },
    setStatus,
    shutdown: () => {
      for (const service of statuses.keys()) setStatus(service, ServingStatus.NOT_SERVING);
    },
  };
}

/** `HealthCheckRequest { string service = 1; }`; undefined when malformed. Unknown fields are skipped. */
function decodeService(message: Uint8Array): string | undefined {
  let service = EMPTY_BYTES;
  let position = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; position < message.length && scale <= 2 ** 63; scale *= 128) {
      const byte = message[position++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    return Number.NaN;
  };
  while (position < message.length) {
    const tag = varint();
    const wireType = tag % 8;
    if (Number.isNaN(tag) || tag < 8) return undefined;
    if (wireType === 0) {
      if (Number.isNaN(varint())) return undefined;
    } else if (wireType === 1 || wireType === 5) {
      position += wireType === 1 ? 8 : 4;
    } else if (wireType === 2) {
      const end = varint() + position;
      if (!(end <= message.length)) return undefined;
      if (tag === 0x0a) service = message.subarray(position, end);
      position = end;
    } else return undefined;
    if (position > message.length) return undefined;
  }
  return utf8TextStrict(service);
}

/** `HealthCheckResponse { ServingStatus status = 1; }`; zero is the default and takes no bytes. */
function encodeStatus(status: ServingStatus): Uint8Array {
  return status === ServingStatus.UNKNOWN ? EMPTY_BYTES : Uint8Array.of(0x08, status);
}

/** One entry of `HealthListResponse { map<string, HealthCheckResponse> statuses = 1; }`. */
function writeListEntry(target: number[], service: string, status: ServingStatus): void {
  const name = utf8Bytes(service);
  const value = encodeStatus(status);
  const entry: number[] = [0x0a];
  writeVarint(entry, name.length);
  entry.push(...name, 0x12);
  writeVarint(entry, value.length);
  entry.push(...value);
  target.push(0x0a);
  writeVarint(target, entry.length);
  target.push(...entry);
}

function writeVarint(target: number[], value: number): void {
  let rest = value;
  while (rest > 127) {
    target.push((rest & 127) | 128);
    rest >>>= 7;
  }
  target.push(rest);
}
