import type { Method, StreamCall, StreamHandler, UnaryCall, UnaryHandler } from "@quorate/grpc";
import { decodeAlarmRequest, type ErrorCode } from "@quorate/protocol";
import type { Access } from "./access.ts";
import { failWith } from "./reply.ts";
import { beginStream } from "./stream-beginning.ts";

/** Who may call a method while users count: any user, or only the role root. */
type Need = "user" | "admin";

const ALARM_GET = 0;
/** The methods of `Maintenance` that any user may call. gRPC API page, section 9.1. */
const USER_METHODS: ReadonlySet<string> = new Set(["Status"]);

/** The methods of `Maintenance`, each with the question before it whether the caller may. What is not known is root's alone. */
export function guardMaintenance(
  methods: Readonly<Record<string, Method>>,
  access: Access,
): Readonly<Record<string, Method>> {
  return Object.fromEntries(
    Object.entries(methods).map(([name, method]) => {
      const need: Need = USER_METHODS.has(name) ? "user" : "admin";
      if (method.kind !== "unary") return [name, { ...method, handler: guardedStream(method.handler, access, need) }];
      const needOf = name === "Alarm" ? alarmNeed : (): Need => need;
      return [name, { kind: "unary", handler: guarded(method.handler, access, needOf) }];
    }),
  );
}

/** Whoever may ask may know of alarms; raising and ending them is root's. */
function alarmNeed(message: Uint8Array): Need {
  try {
    return decodeAlarmRequest(message).action === ALARM_GET ? "user" : "admin";
  } catch {
    // The handler has the words for what cannot be decoded.
    return "user";
  }
}

function guarded(handler: UnaryHandler, access: Access, needOf: (message: Uint8Array) => Need): UnaryHandler {
  return (call, message) => {
    const refused = access.isEnabled ? refusal(access, call, needOf(message)) : undefined;
    if (refused === undefined) handler(call, message);
    else failWith(call, refused);
  };
}

/** Streams of the server alone: the handler does not hear of the call before its request has come and may be answered. */
function guardedStream(handler: StreamHandler, access: Access, need: Need): StreamHandler {
  return (call) => {
    call.onMessage = (message) => {
      const refused = access.isEnabled ? refusal(access, call, need) : undefined;
      if (refused !== undefined) {
        failWith(call, refused);
        return;
      }
      beginStream(handler, call, message);
    };
  };
}

function refusal(access: Access, call: UnaryCall | StreamCall, need: Need): ErrorCode | undefined {
  return need === "admin" ? access.admin(call) : access.user(call);
}
