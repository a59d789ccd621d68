import type { UnaryCall, UnaryHandler } from "@quorate/grpc";
import {
  createDowngradeInfoSetRequest,
  createDowngradeResponse,
  type DowngradeAction,
  type DowngradeRequest,
  decodeDowngradeRequest,
  type ErrorCode,
  encodeDowngradeInfoSetRequest,
  encodeDowngradeResponse,
} from "@quorate/protocol";
import {
  type ApplyResult,
  type DowngradeInfo,
  downgradeProblem,
  NO_DOWNGRADE,
  type Pending,
  parseDowngradeTarget,
  RequestKind,
} from "../../core/index.ts";
import { responseHeader } from "./header.ts";
import type { NodeContext } from "./node-context.ts";
import type { Proposer } from "./proposal.ts";
import { failUndecodable, failWith } from "./reply.ts";

const VALIDATE: (typeof DowngradeAction)["VALIDATE"] = 0;
const ENABLE: (typeof DowngradeAction)["ENABLE"] = 1;
const CANCEL: (typeof DowngradeAction)["CANCEL"] = 2;

/** A change of the record that somebody waits for: an error code, or nothing when it was applied. */
class RecordChange implements Pending {
  readonly #done: (code?: ErrorCode) => void;

  constructor(done: (code?: ErrorCode) => void) {
    this.#done = done;
  }

  applied(result: ApplyResult): void {
    this.#done(typeof result === "string" ? result : undefined);
  }

  failed(code: ErrorCode): void {
    this.#done(code);
  }
}

/** `etcdserverpb.Maintenance/Downgrade`. gRPC API page, section 9.4. */
export function downgradeHandler(context: NodeContext, proposer: Proposer): UnaryHandler {
  const downgrade = new Downgrade(context, proposer);
  return (call, message) => {
    let request: DowngradeRequest;
    try {
      request = decodeDowngradeRequest(message);
    } catch (error) {
      failUndecodable(call, error);
      return;
    }
    if (request.action === CANCEL) downgrade.cancel(call);
    else if (request.action === VALIDATE || request.action === ENABLE) downgrade.begin(call, request);
    else failWith(call, "unknownMethod");
  };
}

class Downgrade {
  readonly #context: NodeContext;
  readonly #proposer: Proposer;

  constructor(context: NodeContext, proposer: Proposer) {
    this.#context = context;
    this.#proposer = proposer;
  }

  /** Records the target, unless the request only asks whether it could be. */
  begin(call: UnaryCall, { action, version }: DowngradeRequest): void {
    const { membership, replica } = this.#context;
    const target = parseDowngradeTarget(version);
    if (target === undefined || membership.clusterVersion === undefined) {
      failWith(call, target === undefined ? "wrongDowngradeVersionFormat" : "clusterVersionUnavailable");
      return;
    }
    const refuse = (code: ErrorCode): void => failWith(call, code);
    replica.linearizableRead(() => {
      const { clusterVersion, downgrade: current } = membership;
      const problem = downgradeProblem({ target, clusterVersion, current });
      if (problem !== undefined) refuse(problem);
      else if (action === VALIDATE) this.#answer(call);
      else {
        this.#record({ enabled: true, targetVersion: target }, (code) => {
          if (code === undefined) this.#answer(call);
          else refuse(code);
        });
      }
    }, refuse);
  }

  /** Takes the record back. Whatever comes of it, etcd answers with OK. */
  cancel(call: UnaryCall): void {
    const { membership, replica } = this.#context;
    const answer = (): void => this.#answer(call);
    replica.linearizableRead(() => {
      if (membership.downgrade.enabled) this.#record(NO_DOWNGRADE, answer);
      else answer();
    }, answer);
  }

  #record({ enabled, targetVersion }: DowngradeInfo, done: (code?: ErrorCode) => void): void {
    const request = encodeDowngradeInfoSetRequest(createDowngradeInfoSetRequest({ enabled, ver: targetVersion }));
    const refused = this.#proposer.propose(RequestKind.DowngradeInfoSet, request, new RecordChange(done));
    if (refused !== undefined) done(refused);
  }

  #answer(call: UnaryCall): void {
    const version = (this.#context.membership.clusterVersion ?? "").replace(/\.\d+$/, "");
    call.respond(encodeDowngradeResponse(createDowngradeResponse({ header: responseHeader(this.#context), version })));
  }
}
