import type { Method, UnaryCall } from "@quorate/grpc";
import {
  createMember,
  createMemberListResponse,
  decodeMemberListRequest,
  encodeMemberListResponse,
} from "@quorate/protocol";
import { responseHeader } from "./header.ts";
import type { NodeContext } from "./node-context.ts";
import { failUndecodable, failWith } from "./reply.ts";

/** `etcdserverpb.Cluster`, as far as a single member has it. gRPC API page, section 8. */
export class ClusterService {
  readonly #context: NodeContext;

  constructor(context: NodeContext) {
    this.#context = context;
  }

  methods(): Readonly<Record<string, Method>> {
    return { MemberList: { kind: "unary", handler: this.#memberList } };
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
    const members = this.#context.membership.list().map((m) =>
      createMember({
        id: m.id,
        name: m.name,
        peerUrls: m.peerUrls,
        clientUrls: m.clientUrls,
        isLearner: m.isLearner,
      }),
    );
    // Answers about members carry no revision.
    const header = responseHeader(this.#context, 0);
    call.respond(encodeMemberListResponse(createMemberListResponse({ header, members })));
  }
}
