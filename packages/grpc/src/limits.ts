import { assert } from "@quorate/base";
import type { GrpcLimits } from "./types.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;
const HOUR = 3600 * SECOND;

/** The largest value of an HTTP/2 flow-control window, RFC 9113 section 6.9.1. */
export const MAX_WINDOW = 0x7fff_ffff;

/**
 * What a peer may use of this process unless configured otherwise. Each row says why that much; a breach is reported to
 * `GrpcObserver.abuse`.
 */
export const DEFAULT_LIMITS: GrpcLimits = {
  // grpc-go's default. etcd sets 2 MiB: its largest request and half a megabyte for what surrounds it.
  maxReceiveMessageBytes: 4 * MIB,
  // grpc-go's default, the largest int32: a list of keys has no natural bound.
  maxSendMessageBytes: 0x7fff_ffff,
  // Unlimited, as etcd advertises; what protects the process is the next row, which a client survives by retrying.
  maxConcurrentStreams: 0xffff_ffff,
  // Calls whose handler still runs count, also after a reset: otherwise resetting starts unbounded work (CVE-2023-44487).
  maxOpenStreamsPerConnection: 16_384,
  // Below the usual descriptor limits; a connection beyond is closed at once, the others never notice.
  maxConnections: 10_000,
  // Decoded size plus 32 a field, RFC 9113 section 6.5.2. gRPC suggests 8 KiB; tokens and certificates in headers need more.
  maxHeaderListBytes: 64 * KIB,
  maxHeaderFields: 128,
  // What a block may take on the wire, compressed: nothing honest needs as much again as the decoded limit twice.
  maxHeaderBlockBytes: 128 * KIB,
  // As nghttp2: frames are 16 KiB, so eight carry more than a block may hold (CVE-2023-45288).
  maxContinuationFrames: 8,
  // Then other sockets have their turn.
  maxFramesPerTurn: 128,
  maxNewStreamsPerTurn: 64,
  // A stream's request bytes in flight; more is granted when a message is known to be longer.
  streamReceiveWindowBytes: 256 * KIB,
  connectionReceiveWindowBytes: 4 * MIB,
  // Response bytes a stream may hold before its producer is asked to pause.
  streamHighWaterBytes: 256 * KIB,
  // Response bytes a connection may hold before it is no longer read from, so that no new call starts.
  connectionSoftBufferBytes: 4 * MIB,
  // Beyond this a response is refused with RESOURCE_EXHAUSTED and a new call with REFUSED_STREAM. High, because what an honest
  // client asked for in one go must fit: a hundred lists of 1,000 values of 1 KiB.
  connectionHardBufferBytes: 128 * MIB,
  // What slow readers may pin together; beyond, it is refused as above, but only to connections above their soft limit.
  maxBufferedBytes: 512 * MIB,
  // 32 of etcd's largest requests at once on one connection; 256 such connections' worth would be too much, hence the next.
  maxUnfinishedBytesPerConnection: 64 * MIB,
  maxUnfinishedBytes: 512 * MIB,
  // As nghttp2; HTTP/2 defines six settings (CVE-2020-11080).
  maxSettingsPerFrame: 32,
  tlsHandshakeTimeoutMs: 10 * SECOND,
  // An honest handshake is over within moments: what waits longest is the first to go (GHSA-6vch-q96h-7gc3).
  maxPendingHandshakes: 1024,
  // Each costs up to a millisecond of signing: a flood of them leaves time for everything else in between.
  maxHandshakesPerTurn: 16,
  prefaceTimeoutMs: 10 * SECOND,
  http1HeaderTimeoutMs: 10 * SECOND,
  settingsTimeoutMs: 10 * SECOND,
  headerBlockTimeoutMs: 5 * SECOND,
  requestBodyTimeoutMs: 30 * SECOND,
  // A reader that takes nothing for so long while data waits is gone or hostile (CVE-2019-9517).
  stallTimeoutMs: 60 * SECOND,
  // Token bucket for stream resets by the client and for those it provokes from us (CVE-2023-44487, CVE-2025-8671).
  resetBurst: 1000,
  resetsPerSecond: 100,
  prematureResetStreams: 500,
  // Empty DATA, HEADERS or CONTINUATION frames that end nothing (CVE-2019-9518).
  emptyFramesInARow: 8,
  // Unsent answers to PING and SETTINGS, and resets: stop reading, then close (CVE-2019-9512, CVE-2019-9515).
  controlQueueSoft: 100,
  controlQueueHard: 1000,
  // etcd's defaults for keepalive, in both directions.
  keepaliveMinTimeMs: 5 * SECOND,
  keepalivePermitWithoutStream: false,
  keepaliveIntervalMs: 2 * HOUR,
  keepaliveTimeoutMs: 20 * SECOND,
  // No limit, as etcd. The grace is what calls get to finish in once the age is reached.
  maxConnectionAgeMs: 0,
  maxConnectionAgeGraceMs: 30 * SECOND,
  drainPingTimeoutMs: 5 * SECOND,
};

/** The given limits over the defaults. Throws {@link InvariantError} for one that cannot be honoured. */
export function resolveLimits(given: Partial<GrpcLimits> | undefined): GrpcLimits {
  const limits: GrpcLimits = { ...DEFAULT_LIMITS, ...given };
  for (const [name, value] of Object.entries(limits)) {
    if (typeof value === "boolean") continue;
    assert(Number.isFinite(value) && value >= 0, "a limit is a non-negative number", { name, value });
  }
  assert(limits.streamReceiveWindowBytes <= MAX_WINDOW, "the stream window exceeds what HTTP/2 allows");
  assert(limits.connectionReceiveWindowBytes >= 65_535, "the connection window starts at 65535 and cannot shrink");
  assert(limits.connectionReceiveWindowBytes <= MAX_WINDOW, "the connection window exceeds what HTTP/2 allows");
  assert(limits.connectionSoftBufferBytes <= limits.connectionHardBufferBytes, "the soft limit is above the hard one");
  assert(limits.maxPendingHandshakes >= 1, "a handshake must be allowed");
  assert(limits.maxHandshakesPerTurn >= 1, "a listener must be allowed a handshake a turn");
  assert(limits.maxFramesPerTurn >= 1, "a connection must be allowed a frame a turn");
  assert(limits.maxNewStreamsPerTurn >= 1, "a connection must be allowed a stream a turn");
  return limits;
}
