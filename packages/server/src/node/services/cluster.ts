import type { Method, UnaryCall } from "@quorate/grpc";
import {
  createMember,
  createMemberListResponse,
  decodeMemberAddRequest,
  decodeMemberListRequest,
  decodeMemberPromoteRequest,
  decodeMemberRemoveRequest,
  decodeMemberUpdateRequest,
  type ErrorCode,
  encodeMemberListResponse,
} from "@quorate/protocol";
import { responseHeader } from "./header.ts";
import type { NodeContext } from "./node-context.ts";
import { failUndecodable, failWith } from "./reply.ts";

const UNIMPLEMENTED = 12;
const NOT_YET = "this version of Quorate cannot change the membership of a cluster yet";
/** `host:port` with a scheme and no path; unix sockets have a path of their own. */
const PEER_URL = /^(?:https?:\/\/[^/?#\s]+:\d+|unixs?:\/\/\S+)\/?$/;

/**
 * `etcdserverpb.Cluster` of a member that is alone. What etcd refuses such a member is refused in its words; changes that it would
 * carry out are not there yet. gRPC API page, section 8.
 */
export class ClusterService {
  readonly #context: NodeContext;

  constructor(context: NodeContext) {
    this.#context = context;
  }

  methods(): Readonly<Record<string, Method>> {
    return {
      MemberAdd: this.#refusing((message) => this.#addRefusal(decodeMemberAddRequest(message).peerUrls)),
      // A cluster of one cannot lose its member.
      MemberRemove: this.#refusing((message) =>
        this.#known(decodeMemberRemoveRequest(message).id) ? "memberNotEnoughStarted" : "memberNotFound",
      ),
      MemberUpdate: this.#refusing((message) =>
        this.#known(decodeMemberUpdateRequest(message).id) ? undefined : "memberNotFound",
      ),
      MemberList: { kind: "unary", handler: this.#memberList },
      MemberPromote: this.#refusing((message) =>
        this.#known(decodeMemberPromoteRequest(message).id) ? "memberNotLearner" : "memberNotFound",
      ),
    };
  }

  /** A change of membership that is refused with a code, or with the admission that it cannot be done yet. */
  #refusing(refusal: (message: Uint8Array) => ErrorCode | undefined): Method {
    return {
      kind: "unary",
      handler: (call, message) => {
        try {
          const code = refusal(message);
          if (code === undefined) call.fail(UNIMPLEMENTED, NOT_YET);
          else failWith(call, code);
        } catch (error) {
          failUndecodable(call, error);
        }
      },
    };
  }

  #addRefusal(peerUrls: readonly string[]): ErrorCode | undefined {
    if (peerUrls.length === 0 || !peerUrls.every((url) => PEER_URL.test(url))) return "memberBadUrls";
    const used = this.#context.membership
      .list()
      .some((member) => member.peerUrls.some((url) => peerUrls.includes(url)));
    return used ? "peerUrlExist" : undefined;
  }

  #known(id: bigint): boolean {
    return this.#context.membership.get(id) !== undefined;
  }

  readonly #memberList = (call: UnaryCall, message: Uint8Array): void => {
    let linearizable: boolean;
    try {
      linearizable = decodeMemberListRequest(message).linearizable;
    } catch (error) {
      failUndecodable(call, error);
      return;
    }
    if (!linearizable) this.#answer(call);
    else
      this.#context.replica.linearizableRead(
        () => this.#answer(call),
        (code) => failWith(call, code),
      );
  };

  #answer(call: UnaryCall): void {
    const members = this.#context.membership
      .list()
      .map(({ id, name, peerUrls, clientUrls, isLearner }) =>
        createMember({ id, name, peerUrls, clientUrls, isLearner }),
      );
    // Answers about members carry no revision.
    const header = responseHeader(this.#context, 0);
    call.respond(encodeMemberListResponse(createMemberListResponse({ header, members })));
  }
}
