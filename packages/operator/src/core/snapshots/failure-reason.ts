/** Why snapshot work failed; the reason of the condition `Failed`, so it never changes its spelling. */
export type FailureReason =
  /** The cluster has no quorum; nothing is copied from a survivor unless a restore asks for it. */
  | "NoQuorum"
  /** No voter answered that a snapshot may be taken from. */
  | "NoHealthyMember"
  /** The member wants a user that the certificate does not name. */
  | "AuthRequired"
  /** The store refused the keys, or its bucket or claim is not there. */
  | "DestinationForbidden"
  | "DestinationUnreachable"
  /** Bytes differ: on the way from the member, or in the store. */
  | "DigestMismatch"
  /** The store's revision, or its keys, are others than its manifest says. */
  | "RevisionMismatch"
  /** The restored store hashes to something else than the living one did. */
  | "HashMismatch"
  | "Timeout"
  /** The store has something under this key already. */
  | "AlreadyExists"
  /** No such artifact, or one without a manifest, which was never finished. */
  | "NotFound"
  /** The store's file does not open, or a page of it is broken. */
  | "Damaged"
  /** The disk for the work is full or does not work. */
  | "ScratchFailed"
  /** The cluster, or the Secret with its credentials, is not there. */
  | "ClusterMissing"
  /** The Job ended without a result. */
  | "AgentFailed";
