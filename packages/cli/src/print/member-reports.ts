import {
  type Member,
  type MemberAddResponse,
  MemberAddResponseDescriptor,
  type MemberListResponse,
  MemberListResponseDescriptor,
  type MemberPromoteResponse,
  MemberPromoteResponseDescriptor,
  type MemberRemoveResponse,
  MemberRemoveResponseDescriptor,
  type MemberUpdateResponse,
  MemberUpdateResponseDescriptor,
  type MessageDescriptor,
  type ResponseHeader,
} from "@quorate/protocol";
import { type GoObject, type GoValue, messageValue } from "../go/go-json.ts";
import { goQuote } from "../go/go-quote.ts";
import type { Table } from "./box-table.ts";
import { headerFields, idText, paddedHex } from "./parts.ts";
import { messageReport, type Report, type Style } from "./report.ts";

export function memberAddReport(name: string, peerUrls: string, response: MemberAddResponse): Report {
  const { member, members } = response;
  const added = member?.isLearner === true ? "added as learner to" : "added to";
  return messageReport(MemberAddResponseDescriptor, response, {
    simple: (page) => {
      page.line(`Member ${paddedHex(member?.id ?? 0n)} ${added} cluster ${clusterOf(response)}`);
      const nameOf = (one: Member): string => (one.id === member?.id ? name : one.name);
      const cluster = members.flatMap((one) => one.peerUrls.map((url) => `${nameOf(one)}=${url}`));
      page.line("");
      page.line(`ETCD_NAME=${goQuote(name)}`);
      page.line(`ETCD_INITIAL_CLUSTER=${goQuote(cluster.join(","))}`);
      page.line(`ETCD_INITIAL_ADVERTISE_PEER_URLS=${goQuote(peerUrls)}`);
      page.line('ETCD_INITIAL_CLUSTER_STATE="existing"');
    },
    json: (style) => membersJson(MemberAddResponseDescriptor, response, style),
  });
}

export function memberRemoveReport(id: bigint, response: MemberRemoveResponse): Report {
  return changeReport(MemberRemoveResponseDescriptor, response, `Member ${paddedHex(id)} removed from cluster`);
}

export function memberUpdateReport(id: bigint, response: MemberUpdateResponse): Report {
  return changeReport(MemberUpdateResponseDescriptor, response, `Member ${paddedHex(id)} updated in cluster`);
}

export function memberPromoteReport(id: bigint, response: MemberPromoteResponse): Report {
  return changeReport(MemberPromoteResponseDescriptor, response, `Member ${paddedHex(id)} promoted in cluster`);
}

export function memberListReport(response: MemberListResponse): Report {
  return messageReport(MemberListResponseDescriptor, response, {
    simple: (page) => {
      for (const row of memberTable(response.members).rows) page.line(row.join(", "));
    },
    fields: (page, style) => {
      headerFields(page, response.header, style);
      for (const member of response.members) {
        page.line(`"ID" : ${idText(member.id, style)}`);
        page.line(`"Name" : ${goQuote(member.name)}`);
        for (const url of member.peerUrls) page.line(`"PeerURL" : ${goQuote(url)}`);
        for (const url of member.clientUrls) page.line(`"ClientURL" : ${goQuote(url)}`);
        page.line(`"IsLearner" : ${member.isLearner}`);
        page.line("");
      }
    },
    json: (style) => membersJson(MemberListResponseDescriptor, response, style),
    table: () => memberTable(response.members),
  });
}

interface MembersAnswer {
  readonly header: ResponseHeader | undefined;
  readonly member?: Member | undefined;
  readonly members: readonly Member[];
}

function changeReport<T extends MembersAnswer>(descriptor: MessageDescriptor<T>, response: T, did: string): Report {
  return messageReport(descriptor, response, {
    simple: (page) => page.line(`${did} ${clusterOf(response)}`),
    json: (style) => membersJson(descriptor, response, style),
  });
}

function clusterOf(response: MembersAnswer): string {
  return paddedHex(response.header?.clusterId ?? 0n);
}

function memberTable(members: readonly Member[]): Table {
  return {
    headings: ["ID", "Status", "Name", "Peer Addrs", "Client Addrs", "Is Learner"],
    rows: members.map((member) => [
      member.id.toString(16),
      member.name === "" ? "unstarted" : "started",
      member.name,
      member.peerUrls.join(","),
      member.clientUrls.join(","),
      String(member.isLearner),
    ]),
  };
}

/** With --hex the ids are text in hexadecimal; only the answers about members have that form. CLI page, A3.1. */
function membersJson<T extends MembersAnswer>(descriptor: MessageDescriptor<T>, response: T, style: Style): GoValue {
  if (!style.hex) return messageValue(descriptor, response);
  return {
    header: response.header === undefined ? null : hexHeader(response.header),
    ...(descriptor.fields.some((field) => field.name === "member")
      ? { member: response.member === undefined ? null : hexMember(response.member) }
      : {}),
    members: response.members.map(hexMember),
  };
}

function hexHeader(header: ResponseHeader): GoObject {
  return {
    cluster_id: header.clusterId.toString(16),
    member_id: header.memberId.toString(16),
    revision: header.revision === 0 ? undefined : header.revision,
    raft_term: header.raftTerm === 0 ? undefined : header.raftTerm,
  };
}

function hexMember(member: Member): GoObject {
  return {
    ID: member.id.toString(16),
    name: member.name === "" ? undefined : member.name,
    peerURLs: member.peerUrls.length === 0 ? undefined : member.peerUrls,
    clientURLs: member.clientUrls.length === 0 ? undefined : member.clientUrls,
    isLearner: member.isLearner ? true : undefined,
  };
}
