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
  return { program: peerProgram(release), flags: release.startsWith("3.4") ? flags : [...flags, ...compactionHashes] };
}
