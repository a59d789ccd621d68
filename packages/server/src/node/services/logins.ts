import type { Logger } from "@quorate/base";
import type { UnaryCall } from "@quorate/grpc";
import {
  type AuthenticateRequest,
  createAuthenticateResponse,
  decodeAuthenticateRequest,
  ERRORS,
  type ErrorCode,
  encodeAuthenticateResponse,
  encodeInternalAuthenticateRequest,
} from "@quorate/protocol";
import { type ApplyResult, type AuthenticateResult, type Pending, RequestKind } from "../../core/index.ts";
import { hasMembersBefore35 } from "../auth/old-members.ts";
import { PasswordHasher } from "../auth/password-hasher.ts";
import { failHashing } from "./fail-hashing.ts";
import { responseHeader } from "./header.ts";
import type { NodeContext } from "./node-context.ts";
import type { Proposer } from "./proposal.ts";
import { failUndecodable, failWith } from "./reply.ts";

/** Users and roles may change while a password is compared; then it is compared again, at most so often. */
const ATTEMPTS_MAX = 100;

export interface LoginsDeps {
  readonly context: NodeContext;
  readonly proposer: Proposer;
  readonly logger: Logger;
}

/** Names of users that do not exist may be of any length. */
const LOGGED_NAME_MAX = 128;

/** One login: its password is checked here, then every member is told of the token. */
class Login implements Pending {
  readonly #context: NodeContext;
  readonly #proposer: Proposer;
  readonly #logger: Logger;
  readonly #call: UnaryCall;
  readonly #credentials: AuthenticateRequest;
  #attempts = 0;
  /** The revision of users and roles that the password was checked at. */
  #checkedRevision = 0;

  constructor({ context, logger, proposer }: LoginsDeps, call: UnaryCall, credentials: AuthenticateRequest) {
    this.#context = context;
    this.#logger = logger;
    this.#proposer = proposer;
    this.#call = call;
    this.#credentials = credentials;
  }

  readonly check = (): void => {
    const { auth, passwords } = this.#context;
    const { name, password } = this.#credentials;
    const user = auth.state.users.get(name);
    if (!auth.state.isEnabled) this.failed("authNotEnabled");
    else if (user === undefined) this.#refuse("authFailed");
    else if (user.options?.noPassword === true) this.#refuse("noPasswordUser");
    else {
      this.#attempts += 1;
      this.#checkedRevision = auth.state.revision;
      const hash = Buffer.from(user.password).toString("latin1");
      if (passwords.isTooDear(hash)) {
        this.#logger.warn("the hash of a password is of too high a cost to be compared; set the password anew", {
          user: name,
        });
      }
      const { peer } = this.#call;
      passwords.matches(password, hash, { address: peer.remoteAddress, isWanted: () => !this.#call.cancelled }).then(
        (isRight) => (isRight ? this.#propose() : this.#refuse("authFailed")),
        (error: unknown) => failHashing(this.#call, error),
      );
    }
  };

  applied(result: ApplyResult): void {
    if (typeof result === "string") {
      this.failed(result);
      return;
    }
    const { auth, tokens } = this.#context;
    if (auth.state.revision !== this.#checkedRevision) {
      if (this.#attempts < ATTEMPTS_MAX) this.check();
      else this.failed("authOldRevision");
      return;
    }
    // What was proposed decides what the result is.
    const issued = tokens.issue(result as AuthenticateResult, hasMembersBefore35(this.#context.membership));
    if (typeof issued === "string") {
      this.failed(issued);
      return;
    }
    const header = responseHeader(this.#context);
    this.#call.respond(encodeAuthenticateResponse(createAuthenticateResponse({ header, token: issued.token })));
  }

  failed(code: ErrorCode): void {
    failWith(this.#call, code);
  }

  /** Somebody may be trying passwords. */
  #refuse(code: ErrorCode): void {
    this.#logger.warn("invalid authentication was requested", {
      user: this.#credentials.name.slice(0, LOGGED_NAME_MAX),
      "remote-address": this.#call.peer.remoteAddress,
      error: ERRORS[code].message,
    });
    this.failed(code);
  }

  #propose(): void {
    const { tokens } = this.#context;
    const { name } = this.#credentials;
    // The password stays out of the log.
    const request = encodeInternalAuthenticateRequest({ name, password: "", simpleToken: tokens.newPrefix() });
    const refused = this.#proposer.propose(RequestKind.Authenticate, request, this);
    if (refused !== undefined) this.failed(refused);
  }
}

/** Lets users log in. gRPC API page, section 11.2. */
export class Logins {
  readonly #deps: LoginsDeps;

  constructor(deps: LoginsDeps) {
    this.#deps = deps;
  }

  login(call: UnaryCall, message: Uint8Array): void {
    let credentials: AuthenticateRequest;
    try {
      const { name, password } = decodeAuthenticateRequest(message);
      credentials = { name, password: PasswordHasher.comparable(password) };
    } catch (error) {
      failUndecodable(call, error);
      return;
    }
    const login = new Login(this.#deps, call, credentials);
    this.#deps.context.replica.linearizableRead(login.check, (code) => login.failed(code));
  }
}
