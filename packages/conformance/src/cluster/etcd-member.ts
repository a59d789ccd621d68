import type { MemberOptions } from "@quorate/testkit";
import { peerProgram } from "../command-line.ts";

/**
 * A real etcd that looks for differences itself: at its start it compares its hash with the others', leading it does so every
 * few seconds, and raises the alarm CORRUPT for whoever differs. Leading it also checkpoints leases.
 */
export function etcdMember(release: string): MemberOptions {
  const flags = [
    "--experimental-initial-corrupt-check",
    "--experimental-corrupt-check-time=5s",
    "--experimental-enable-lease-checkpoint",
  ];
  const compactionHashes = ["--experimental-compact-hash-check-enabled", "--experimental-compact-hash-check-time=7s"];
  const program = peerProgram(release);
  if (release.startsWith("3.4")) return { program, flags };
  // Later releases have other flags for these.
  return release.startsWith("3.5") ? { program, flags: [...flags, ...compactionHashes] } : { program };
}
