import {
  base64FromBytes,
  type LeaseGrantResponse,
  type LeaseKeepAliveResponse,
  type LeaseLeasesResponse,
  type LeaseRevokeResponse,
  LeaseRevokeResponseDescriptor,
  type LeaseTimeToLiveResponse,
  type ResponseHeader,
  ResponseHeaderDescriptor,
} from "@quorate/protocol";
import { type GoObject, messageValue } from "../go/go-json.ts";
import { goQuote } from "../go/go-quote.ts";
import type { Page } from "./page.ts";
import { headerFields, leaseHex, leaseText } from "./parts.ts";
import { messageReport, type Report, type Style } from "./report.ts";

// The Go client has types of its own for these answers: the header's fields stand among the others in JSON, and there is no
// protobuf form.

export function grantReport(response: LeaseGrantResponse): Report {
  return {
    notProtobuf: "*clientv3.LeaseGrantResponse",
    simple: (page) => page.line(`lease ${leaseHex(response.id)} granted with TTL(${response.ttl}s)`),
    fields: (page, style) => leaseFields(page, response, style),
    json: () => ({ ...embedded(response.header), ID: response.id, TTL: response.ttl, Error: response.error }),
  };
}

export function revokeReport(id: bigint, response: LeaseRevokeResponse): Report {
  return messageReport(LeaseRevokeResponseDescriptor, response, {
    simple: (page) => page.line(`lease ${leaseHex(id)} revoked`),
    fields: (page, style) => headerFields(page, response.header, style),
  });
}

export function keepAliveReport(response: LeaseKeepAliveResponse): Report {
  return {
    notProtobuf: "*clientv3.LeaseKeepAliveResponse",
    simple: (page) => page.line(`lease ${leaseHex(response.id)} keepalived with TTL(${response.ttl})`),
    fields: (page, style) => leaseFields(page, response, style),
    json: () => ({ ...embedded(response.header), ID: response.id, TTL: response.ttl }),
  };
}

export function timeToLiveReport(response: LeaseTimeToLiveResponse, withKeys: boolean): Report {
  const { id, ttl, grantedTtl, keys } = response;
  const lease = `lease ${leaseHex(id)}`;
  return {
    notProtobuf: "*clientv3.LeaseTimeToLiveResponse",
    simple: (page) => {
      if (grantedTtl === 0 && ttl === -1) return page.line(`${lease} already expired`);
      page.text(`${lease} granted with TTL(${grantedTtl}s), remaining(${ttl}s)`);
      if (withKeys) attachedKeys(page, keys);
      page.line("");
    },
    fields: (page, style) => {
      leaseFields(page, response, style);
      page.line(`"GrantedTTL" : ${grantedTtl}`);
      for (const key of keys) page.line(`"Key" : ${goQuote(key)}`);
    },
    json: () => ({
      ...embedded(response.header),
      id,
      ttl,
      "granted-ttl": grantedTtl,
      keys: keys.length === 0 ? null : keys.map((key) => base64FromBytes(key)),
    }),
  };
}

export function leasesReport(response: LeaseLeasesResponse): Report {
  return {
    notProtobuf: "*clientv3.LeaseLeasesResponse",
    simple: (page) => {
      page.line(`found ${response.leases.length} leases`);
      for (const { id } of response.leases) page.line(leaseHex(id));
    },
    fields: (page, style) => {
      headerFields(page, response.header, style);
      for (const { id } of response.leases) page.line(`"ID" : ${leaseText(id, style)}`);
    },
    json: () => ({ ...embedded(response.header), leases: response.leases.map(({ id }) => ({ id })) }),
  };
}

interface LeaseAnswer {
  readonly header: ResponseHeader | undefined;
  readonly id: bigint;
  readonly ttl: number;
}

function leaseFields(page: Page, answer: LeaseAnswer, style: Style): void {
  headerFields(page, answer.header, style);
  page.line(`"ID" : ${leaseText(answer.id, style)}`);
  page.line(`"TTL" : ${answer.ttl}`);
}

function attachedKeys(page: Page, keys: readonly Uint8Array[]): void {
  page.text(", attached keys([");
  for (const [i, key] of keys.entries()) {
    if (i > 0) page.text(" ");
    page.bytes(key);
  }
  page.text("])");
}

function embedded(header: ResponseHeader | undefined): GoObject {
  return header === undefined ? {} : messageValue(ResponseHeaderDescriptor, header);
}
