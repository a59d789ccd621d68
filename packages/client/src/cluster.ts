import type {
  MemberAddResponse,
  MemberListResponse,
  MemberPromoteResponse,
  MemberRemoveResponse,
  MemberUpdateResponse,
} from "@quorate/protocol";
import { type WithHeader, withHeader } from "./response-header.ts";
import { RPC } from "./rpc.ts";
import type { CallOptions, Transport } from "./transport.ts";

/** The members of the cluster. Errors are those of {@link EtcdClient.unary} and the ones named here. */
export class Cluster {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The members by number. Unless `linearizable` is false the leader is asked, so that the list is the newest. */
  async members(
    options: { readonly linearizable?: boolean } & CallOptions = {},
  ): Promise<WithHeader<MemberListResponse>> {
    const request = { linearizable: options.linearizable ?? true };
    return withHeader(await this.#transport.unary(RPC.Cluster.MemberList, request, options));
  }

  /**
   * Adds a member, which is then to be started; as a learner it does not vote until it is promoted. Errors: `memberExist`,
   * `peerUrlExist`, `memberBadUrls`, `memberNotEnoughStarted`, `tooManyLearners`, `unhealthy`.
   */
  async add(
    peerUrls: readonly string[],
    options: { readonly isLearner?: boolean } & CallOptions = {},
  ): Promise<WithHeader<MemberAddResponse>> {
    const request = { peerUrls, isLearner: options.isLearner ?? false };
    return withHeader(await this.#transport.unary(RPC.Cluster.MemberAdd, request, options));
  }

  /** Removes a member for good. Errors: `memberNotFound`, `memberNotEnoughStarted`, `unhealthy`. */
  async remove(id: bigint, options?: CallOptions): Promise<WithHeader<MemberRemoveResponse>> {
    return withHeader(await this.#transport.unary(RPC.Cluster.MemberRemove, { id }, options));
  }

  /** Tells the members where another is reached. Errors: `memberNotFound`, `peerUrlExist`. */
  async update(
    id: bigint,
    peerUrls: readonly string[],
    options?: CallOptions,
  ): Promise<WithHeader<MemberUpdateResponse>> {
    return withHeader(await this.#transport.unary(RPC.Cluster.MemberUpdate, { id, peerUrls }, options));
  }

  /** Has a learner vote. Errors: `memberNotFound`, `memberNotLearner`, `learnerNotReady`. */
  async promote(id: bigint, options?: CallOptions): Promise<WithHeader<MemberPromoteResponse>> {
    return withHeader(await this.#transport.unary(RPC.Cluster.MemberPromote, { id }, options));
  }

  /**
   * Uses the client URLs that the members advertise as the client's endpoints, learners and members that never started aside. Gives
   * the new list. Leaves the endpoints alone if no member advertises any.
   */
  async syncEndpoints(options: CallOptions = {}): Promise<readonly string[]> {
    const { members } = await this.members(options);
    const urls = members.filter((member) => !member.isLearner).flatMap((member) => member.clientUrls);
    if (urls.length > 0) this.#transport.endpoints.replace(urls);
    return this.#transport.endpoints.texts;
  }
}
