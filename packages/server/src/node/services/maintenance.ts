import type { Method, UnaryCall } from "@quorate/grpc";
import {
  type AlarmRequest,
  createAlarmMember,
  createAlarmResponse,
  createDowngradeInfo,
  createHashKVResponse,
  createHashResponse,
  createStatusResponse,
  decodeAlarmRequest,
  decodeDefragmentRequest,
  decodeHashKVRequest,
  decodeHashRequest,
  decodeMoveLeaderRequest,
  decodeStatusRequest,
  ERRORS,
  encodeAlarmRequest,
  encodeAlarmResponse,
  encodeDefragmentResponse,
  encodeHashKVResponse,
  encodeHashResponse,
  encodeMoveLeaderResponse,
  encodeStatusResponse,
} from "@quorate/protocol";
import {
  ALARM_NAMES,
  type Alarm,
  type AlarmResult,
  ETCD_VERSION,
  RequestKind,
  storageVersionOf,
} from "../../core/index.ts";
import { downgradeHandler } from "./downgrade.ts";
import { responseHeader } from "./header.ts";
import type { NodeContext } from "./node-context.ts";
import type { Proposer, WriteMethod } from "./proposal.ts";
import { failUndecodable, failWith, isWellFormed } from "./reply.ts";

const UNKNOWN = 2;
const ACTION_GET = 0;
const ACTION_DEACTIVATE = 2;

/** Maintenance work of the engine. */
export interface MaintenanceDeps {
  /** Gives back the space of removed revisions in the background. */
  readonly defragment: (done: (error: Error | undefined) => void) => void;
  readonly quotaBytes: number;
}

/** `etcdserverpb.Maintenance`, but for snapshots. gRPC API page, section 9. */
export class MaintenanceService {
  readonly #context: NodeContext;
  readonly #proposer: Proposer;
  readonly #deps: MaintenanceDeps;

  constructor(context: NodeContext, proposer: Proposer, deps: MaintenanceDeps) {
    this.#context = context;
    this.#proposer = proposer;
    this.#deps = deps;
  }

  methods(): Readonly<Record<string, Method>> {
    return {
      Status: { kind: "unary", handler: this.#status },
      Alarm: { kind: "unary", handler: this.#alarm },
      Defragment: { kind: "unary", handler: this.#defragment },
      Hash: { kind: "unary", handler: this.#hash },
      HashKV: { kind: "unary", handler: this.#hashKv },
      MoveLeader: { kind: "unary", handler: this.#moveLeader },
      Downgrade: { kind: "unary", handler: downgradeHandler(this.#context, this.#proposer) },
    };
  }

  readonly #status = (call: UnaryCall, message: Uint8Array): void => {
    if (!isWellFormed(call, message, decodeStatusRequest)) return;
    const { alarms, backend, membership, replica } = this.#context;
    const errors = replica.leader === 0n ? [ERRORS.noLeader.message] : [];
    for (const alarm of alarms.list(0)) errors.push(alarmText(alarm));
    const response = createStatusResponse({
      header: responseHeader(this.#context),
      version: ETCD_VERSION,
      dbSize: backend.sizeBytes(),
      leader: replica.leader,
      raftIndex: replica.commitIndex,
      raftTerm: replica.term,
      raftAppliedIndex: replica.appliedIndex,
      errors,
      dbSizeInUse: backend.sizeInUseBytes(),
      isLearner: this.#context.isLearner(),
      storageVersion: storageVersionOf(membership.clusterVersion) ?? "",
      dbSizeQuota: this.#deps.quotaBytes,
      downgradeInfo: createDowngradeInfo(membership.downgrade),
    });
    call.respond(encodeStatusResponse(response));
  };

  readonly #alarm = (call: UnaryCall, message: Uint8Array): void => {
    let request: AlarmRequest;
    try {
      request = decodeAlarmRequest(message);
    } catch (error) {
      failUndecodable(call, error);
      return;
    }
    if (request.action < ACTION_GET || request.action > ACTION_DEACTIVATE) {
      // etcd up to 3.7.1 ends its process on this one.
      call.fail(UNKNOWN, "etcdserver: unknown alarm action");
    } else if (request.action === ACTION_GET) {
      this.#answerAlarms(call, this.#context.alarms.list(request.alarm));
    } else {
      this.#proposer.submit(call, message, this.#alarmMethod);
    }
  };

  readonly #alarmMethod: WriteMethod<AlarmRequest, AlarmResult> = {
    kind: RequestKind.Alarm,
    decode: decodeAlarmRequest,
    encode: encodeAlarmRequest,
    check: () => undefined,
    answer: (call, { alarms }) => this.#answerAlarms(call, alarms),
  };

  #answerAlarms(call: UnaryCall, active: readonly Alarm[]): void {
    const alarms = active.map((alarm) => createAlarmMember({ memberId: alarm.memberId, alarm: alarm.type }));
    const header = responseHeader(this.#context);
    call.respond(encodeAlarmResponse(createAlarmResponse({ header, alarms })));
  }

  readonly #defragment = (call: UnaryCall, message: Uint8Array): void => {
    if (!isWellFormed(call, message, decodeDefragmentRequest)) return;
    this.#deps.defragment((error) => {
      if (error === undefined) call.respond(encodeDefragmentResponse({ header: undefined }));
      else call.fail(UNKNOWN, error.message);
    });
  };

  readonly #hash = (call: UnaryCall, message: Uint8Array): void => {
    if (!isWellFormed(call, message, decodeHashRequest)) return;
    this.#context.hashes.all((error, hash) => {
      if (error !== undefined) call.fail(UNKNOWN, error.message);
      else call.respond(encodeHashResponse(createHashResponse({ header: responseHeader(this.#context), hash })));
    });
  };

  readonly #hashKv = (call: UnaryCall, message: Uint8Array): void => {
    let revision: number;
    try {
      revision = decodeHashKVRequest(message).revision;
    } catch (error) {
      failUndecodable(call, error);
      return;
    }
    this.#context.hashes.kv(revision, (code, result) => {
      if (code !== undefined || result === undefined) {
        failWith(call, code ?? "corrupt");
        return;
      }
      const header = responseHeader(this.#context, result.currentRevision);
      const { compactRevision, hash, hashRevision } = result;
      call.respond(encodeHashKVResponse(createHashKVResponse({ header, hash, compactRevision, hashRevision })));
    });
  };

  readonly #moveLeader = (call: UnaryCall, message: Uint8Array): void => {
    let targetId: bigint;
    try {
      targetId = decodeMoveLeaderRequest(message).targetId;
    } catch (error) {
      failUndecodable(call, error);
      return;
    }
    const { membership, replica } = this.#context;
    const target = membership.get(targetId);
    if (!replica.isLeader) failWith(call, "notLeader");
    else if (target === undefined || target.isLearner) failWith(call, "badLeaderTransferee");
    else {
      replica.transferLeader(targetId, (code) => {
        if (code === undefined) call.respond(encodeMoveLeaderResponse({ header: undefined }));
        else failWith(call, code);
      });
    }
  };
}

function alarmText(alarm: Alarm): string {
  return `memberID:${alarm.memberId} alarm:${ALARM_NAMES[alarm.type] ?? alarm.type}`;
}
