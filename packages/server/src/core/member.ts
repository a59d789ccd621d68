/** What members are, and their IDs: offline commands compute the same ones. */
export type { ChangeContext, ClusterMember, Sha1 } from "@quorate/protocol";
export {
  addedMemberId,
  bigEndian64,
  bootstrapClusterId,
  bootstrapMemberId,
  hexId,
  memberJson,
  parseChangeContext,
  parseMemberJson,
  parseMemberListJson,
  promotionJson,
} from "@quorate/protocol";
