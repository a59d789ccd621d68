import {
  AlarmAction,
  type AlarmMember,
  type AlarmResponse,
  AlarmType,
  DowngradeAction,
  type DowngradeResponse,
  ERRORS,
  type HashKVResponse,
  type HashResponse,
  type StatusResponse,
} from "@quorate/protocol";
import { EtcdError, isEtcdError } from "./etcd-error.ts";
import { type WithHeader, withHeader } from "./response-header.ts";
import { RPC } from "./rpc.ts";
import { Snapshot, type SnapshotProgress } from "./snapshot.ts";
import type { CallOptions, Transport } from "./transport.ts";

/** An alarm of a member. */
export type AlarmName = "NOSPACE" | "CORRUPT";

/** How long what takes long may take where the call does not say. */
const LONG_MS = 5 * 60_000;

/**
 * Looking after members. What concerns one member goes to `endpoint`, which defaults to any. Once authentication is on all but
 * `alarms` and `status` need root (`permissionDenied`). Errors are those of {@link EtcdClient.unary} and the ones named here.
 */
export class Maintenance {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** How a member is: version, sizes in bytes, leader, raft's progress, active alarms. */
  async status(options?: CallOptions): Promise<WithHeader<StatusResponse>> {
    return withHeader(await this.#transport.unary(RPC.Maintenance.Status, {}, options));
  }

  /** The active alarms of all members. */
  async alarms(options?: CallOptions): Promise<WithHeader<AlarmResponse>> {
    return withHeader(await this.#transport.unary(RPC.Maintenance.Alarm, {}, options));
  }

  /** Raises an alarm for a member, as for a drill: writes are refused until it is disarmed. */
  async raiseAlarm(memberId: bigint, alarm: AlarmName, options?: CallOptions): Promise<WithHeader<AlarmResponse>> {
    const request = { action: AlarmAction.ACTIVATE, memberId, alarm: AlarmType[alarm] };
    return withHeader(await this.#transport.unary(RPC.Maintenance.Alarm, request, options));
  }

  /** Ends an alarm of a member, or without one all alarms. Gives those that were active. */
  async disarm(
    which?: { readonly memberId: bigint; readonly alarm: AlarmName },
    options?: CallOptions,
  ): Promise<readonly AlarmMember[]> {
    const active: readonly AlarmMember[] =
      which === undefined
        ? (await this.alarms(options)).alarms
        : [{ memberId: which.memberId, alarm: AlarmType[which.alarm] }];
    const disarmed: AlarmMember[] = [];
    for (const { memberId, alarm } of active) {
      const request = { action: AlarmAction.DEACTIVATE, memberId, alarm };
      disarmed.push(...(await this.#transport.unary(RPC.Maintenance.Alarm, request, options)).alarms);
    }
    return disarmed;
  }

  /** Gives the space that a member's store no longer needs back to its disk. May take up to 5 minutes unless told otherwise. */
  async defragment(options: CallOptions = {}): Promise<void> {
    await this.#transport.unary(RPC.Maintenance.Defragment, {}, { deadlineMs: LONG_MS, ...options });
  }

  /** A checksum of a member's keys at a revision (0: now): members agree on it. Errors: `compacted`, `futureRevision`. */
  async hashKv(revision: number = 0, options: CallOptions = {}): Promise<WithHeader<HashKVResponse>> {
    return withHeader(await this.#transport.unary(RPC.Maintenance.HashKV, { revision }, options));
  }

  /** A checksum of all that a member stores; for tests. */
  async hash(options?: CallOptions): Promise<WithHeader<HashResponse>> {
    return withHeader(await this.#transport.unary(RPC.Maintenance.Hash, {}, options));
  }

  /** The whole store of a member at one revision: save it, or iterate it. Resolves when its first piece is here. */
  async snapshot(
    options: { readonly onProgress?: (progress: SnapshotProgress) => void } & CallOptions = {},
  ): Promise<Snapshot> {
    const stream = await this.#transport.readStream(RPC.Maintenance.Snapshot, {}, options);
    return new Snapshot(stream, options.onProgress);
  }

  /**
   * Hands the leadership to another member. Unless an endpoint is given, the one of the leader is looked for. Errors: `notLeader` if
   * it is none of the client's, `badLeaderTransferee`, `timeoutLeaderTransfer`.
   */
  async moveLeader(targetId: bigint, options: CallOptions = {}): Promise<void> {
    const endpoint = options.endpoint ?? (await this.#leaderEndpoint(options));
    await this.#transport.unary(RPC.Maintenance.MoveLeader, { targetId }, { ...options, endpoint });
  }

  /** Whether the cluster could go to an older version, such as `3.6`. Errors: `invalidDowngradeTargetVersion` and others. */
  validateDowngrade(version: string, options?: CallOptions): Promise<WithHeader<DowngradeResponse>> {
    return this.#downgrade(DowngradeAction.VALIDATE, version, options);
  }

  /** Has the cluster go to an older version. Errors: `downgradeInProcess`, `invalidDowngradeTargetVersion` and others. */
  enableDowngrade(version: string, options?: CallOptions): Promise<WithHeader<DowngradeResponse>> {
    return this.#downgrade(DowngradeAction.ENABLE, version, options);
  }

  /** Has it stay. */
  cancelDowngrade(options?: CallOptions): Promise<WithHeader<DowngradeResponse>> {
    return this.#downgrade(DowngradeAction.CANCEL, "", options);
  }

  async #downgrade(action: number, version: string, options?: CallOptions): Promise<WithHeader<DowngradeResponse>> {
    return withHeader(await this.#transport.unary(RPC.Maintenance.Downgrade, { action, version }, options));
  }

  async #leaderEndpoint(options: CallOptions): Promise<string> {
    for (const endpoint of this.#transport.endpoints.texts) {
      try {
        const { leader, header } = await this.status({ ...options, endpoint });
        if (leader !== 0n && leader === header.memberId) return endpoint;
      } catch (error) {
        // One that is down does not lead.
        if (!isEtcdError(error) || error.code === "aborted") throw error;
      }
    }
    throw new EtcdError({ code: "notLeader", ...ERRORS.notLeader });
  }
}
