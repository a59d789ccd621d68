export type { EtcdMemberEntry, EtcdMemberList, EtcdStatus } from "../../ports/index.ts";
export type { ClaimView, MemberAnswer, NodeView, PodView, World } from "../../world/index.ts";
