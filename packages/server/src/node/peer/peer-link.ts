import type { OutgoingHttpHeaders } from "node:http";
import type { Logger } from "@quorate/base";
import type { PeerDialer } from "./peer-dialer.ts";
import type { PeerCounters } from "./peer-metrics.ts";
import type { PeerStatus } from "./peer-status.ts";
import type { PeerUrls } from "./peer-urls.ts";

/** What everything that talks to one peer shares. */
export interface PeerLink {
  readonly id: bigint;
  readonly localId: bigint;
  readonly urls: PeerUrls;
  readonly dialer: PeerDialer;
  /** Headers that name this member; without those of a single request. */
  readonly headers: () => OutgoingHttpHeaders;
  readonly status: PeerStatus;
  readonly counters: PeerCounters;
  readonly logger: Logger;
  readonly nowMs: () => number;
  /** A message did not arrive. */
  readonly unreachable: () => void;
  /** Nobody listens at the peer's URL: it has ended, or has not begun. */
  readonly refused: () => void;
  /** The peer says that this member was removed. */
  readonly removed: () => void;
}
