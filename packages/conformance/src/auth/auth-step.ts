import type { Message } from "../etcd-api.ts";

/** In whose name a request is sent: with a user's last token, with none, or with a token that is none. */
export type Sender =
  | { readonly kind: "user"; readonly name: string }
  | { readonly kind: "nobody" }
  | { readonly kind: "badToken"; readonly token: string };

/** One thing done to both servers. Steps are data, so that a difference can be printed and understood. */
export type AuthStep =
  /** A unary call. */
  | { readonly kind: "call"; readonly sender: Sender; readonly method: string; readonly request: Message }
  /** The first answer of a stream that is opened for one request, `Watch/Watch` or `Lease/LeaseKeepAlive`. */
  | { readonly kind: "stream"; readonly sender: Sender; readonly method: string; readonly request: Message }
  /** A user logs in; the token is kept for later steps in its name. */
  | { readonly kind: "login"; readonly name: string; readonly password: string };
