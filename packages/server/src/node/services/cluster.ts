import type { Method, UnaryCall } from "@quorate/grpc";
import {
  createMember,
  createMemberAddResponse,
  createMemberListResponse,
  createMemberPromoteResponse,
  createMemberRemoveResponse,
  createMemberUpdateResponse,
  decodeMemberAddRequest,
  decodeMemberListRequest,
  decodeMemberPromoteRequest,
  decodeMemberRemoveRequest,
  decodeMemberUpdateRequest,
  encodeMemberAddResponse,
  encodeMemberListResponse,
  encodeMemberPromoteResponse,
  encodeMemberRemoveResponse,
  encodeMemberUpdateResponse,
  type Member,
  type MemberAddRequest,
  type MemberUpdateRequest,
  type ResponseHeader,
} from "@quorate/protocol";
import type { ChangeDone, ClusterMember, MemberChanges } from "../../core/index.ts";
import { tokenOf } from "../auth/authenticator.ts";
import { peerUrlsOf } from "../config/index.ts";
import { responseHeader } from "./header.ts";
import type { NodeContext } from "./node-context.ts";
import { failUndecodable, failWith } from "./reply.ts";

/** `etcdserverpb.Cluster`. gRPC API page, section 8. */
export class ClusterService {
  readonly #context: NodeContext;
  readonly #changes: MemberChanges;

  constructor(context: NodeContext, changes: MemberChanges) {
    this.#context = context;
    this.#changes = changes;
  }

  methods(): Readonly<Record<string, Method>> {
    return {
      MemberAdd: unary(decodeMemberAddRequest, (call, request) => this.#add(call, request)),
      MemberRemove: this.#admin(decodeMemberRemoveRequest, (call, { id }) => {
        this.#changes.remove(
          id,
          this.#answer(call, (header, members) =>
            encodeMemberRemoveResponse(createMemberRemoveResponse({ header, members })),
          ),
        );
      }),
      MemberUpdate: this.#admin(decodeMemberUpdateRequest, (call, request) => this.#update(call, request)),
      MemberPromote: this.#admin(decodeMemberPromoteRequest, (call, { id }) => {
        this.#changes.promote(
          id,
          this.#answer(call, (header, members) =>
            encodeMemberPromoteResponse(createMemberPromoteResponse({ header, members })),
          ),
          tokenOf(call.metadata),
        );
      }),
      MemberList: unary(decodeMemberListRequest, (call, request) => {
        const answer = this.#answer(call, (header, members) =>
          encodeMemberListResponse(createMemberListResponse({ header, members })),
        );
        const list = (): void => answer(this.#context.access.user(call) ?? this.#context.membership.list());
        if (request.linearizable) this.#context.replica.linearizableRead(list, answer);
        else list();
      }),
    };
  }

  /** A method that only the role root may call. */
  #admin<Q>(decode: (message: Uint8Array) => Q, handle: (call: UnaryCall, request: Q) => void): Method {
    return unary(decode, (call, request) => {
      const refused = this.#context.access.admin(call);
      if (refused === undefined) handle(call, request);
      else failWith(call, refused);
    });
  }

  #add(call: UnaryCall, request: MemberAddRequest): void {
    const peerUrls = peerUrlsOf(request.peerUrls);
    if (peerUrls === undefined) {
      failWith(call, "memberBadUrls");
      return;
    }
    const refused = this.#context.access.admin(call);
    if (refused !== undefined) {
      failWith(call, refused);
      return;
    }
    this.#changes.add(peerUrls, request.isLearner, (outcome, added) => {
      const member = messageOf(added);
      const answer = this.#answer(call, (header, members) =>
        encodeMemberAddResponse(createMemberAddResponse({ header, member, members })),
      );
      answer(outcome);
    });
  }

  #update(call: UnaryCall, { id, peerUrls }: MemberUpdateRequest): void {
    // etcd takes any text, and its other members then end on it; one that is no member's ID is refused when it is applied.
    if (this.#context.membership.get(id) !== undefined && peerUrlsOf(peerUrls) === undefined) {
      failWith(call, "memberBadUrls");
      return;
    }
    this.#changes.update(
      id,
      peerUrls,
      this.#answer(call, (header, members) =>
        encodeMemberUpdateResponse(createMemberUpdateResponse({ header, members })),
      ),
    );
  }

  #answer(call: UnaryCall, encode: (header: ResponseHeader, members: Member[]) => Uint8Array): ChangeDone {
    return (outcome) => {
      // Answers about members carry no revision.
      if (typeof outcome === "string") failWith(call, outcome);
      else call.respond(encode(responseHeader(this.#context, 0), outcome.map(messageOf)));
    };
  }
}

function messageOf({ id, name, peerUrls, clientUrls, isLearner }: ClusterMember): Member {
  return createMember({ id, name, peerUrls, clientUrls, isLearner });
}

function unary<Q>(decode: (message: Uint8Array) => Q, handle: (call: UnaryCall, request: Q) => void): Method {
  return {
    kind: "unary",
    handler: (call, message) => {
      let request: Q;
      try {
        request = decode(message);
      } catch (error) {
        failUndecodable(call, error);
        return;
      }
      handle(call, request);
    },
  };
}
