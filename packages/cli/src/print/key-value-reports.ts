import {
  type DeleteRangeResponse,
  DeleteRangeResponseDescriptor,
  type Event,
  EventDescriptor,
  EventType,
  type PutResponse,
  PutResponseDescriptor,
  type RangeResponse,
  RangeResponseDescriptor,
  type ResponseHeader,
  ResponseHeaderDescriptor,
  type ResponseOp,
  type TxnResponse,
  TxnResponseDescriptor,
  WatchResponseDescriptor,
} from "@quorate/protocol";
import { messageValue } from "../go/go-json.ts";
import type { Page } from "./page.ts";
import { headerFields, keyValueFields, simpleKeyValue } from "./parts.ts";
import { messageReport, type Report, type Style } from "./report.ts";

export function rangeReport(response: RangeResponse): Report {
  return messageReport(RangeResponseDescriptor, response, {
    simple: (page, style) => {
      for (const kv of response.kvs) simpleKeyValue(page, kv, style);
    },
    fields: (page, style) => {
      headerFields(page, response.header, style);
      for (const kv of response.kvs) keyValueFields(page, kv, style);
      page.line(`"More" : ${response.more}`);
      page.line(`"Count" : ${response.count}`);
    },
  });
}

export function putReport(response: PutResponse): Report {
  return messageReport(PutResponseDescriptor, response, {
    simple: (page, style) => {
      page.line("OK");
      if (response.prevKv !== undefined) simpleKeyValue(page, response.prevKv, style);
    },
    fields: (page, style) => {
      headerFields(page, response.header, style);
      if (response.prevKv !== undefined) keyValueFields(page, response.prevKv, style, "Prev");
    },
  });
}

export function deleteReport(response: DeleteRangeResponse): Report {
  return messageReport(DeleteRangeResponseDescriptor, response, {
    simple: (page, style) => {
      page.line(String(response.deleted));
      for (const kv of response.prevKvs) simpleKeyValue(page, kv, style);
    },
    fields: (page, style) => {
      headerFields(page, response.header, style);
      page.line(`"Deleted" : ${response.deleted}`);
      for (const kv of response.prevKvs) keyValueFields(page, kv, style, "Prev");
    },
  });
}

export function txnReport(response: TxnResponse): Report {
  return messageReport(TxnResponseDescriptor, response, {
    simple: (page, style) => {
      page.line(response.succeeded ? "SUCCESS" : "FAILURE");
      for (const op of response.responses) {
        page.line("");
        opReport(op)?.simple(page, style);
      }
    },
    fields: (page, style) => {
      headerFields(page, response.header, style);
      page.line(`"Succeeded" : ${response.succeeded}`);
      for (const op of response.responses) opReport(op)?.fields?.(page, style);
    },
  });
}

function opReport(op: ResponseOp): Report | undefined {
  if (op.responseRange !== undefined) return rangeReport(op.responseRange);
  if (op.responsePut !== undefined) return putReport(op.responsePut);
  return op.responseDeleteRange === undefined ? undefined : deleteReport(op.responseDeleteRange);
}

/** What a watch has told at once. */
export interface WatchNews {
  readonly header: ResponseHeader | undefined;
  readonly events: readonly Event[];
  readonly compactRevision: number;
  readonly canceled: boolean;
  readonly cancelReason: string;
}

export function watchReport(news: WatchNews): Report {
  const response = WatchResponseDescriptor.create({
    header: news.header,
    events: news.events,
    compactRevision: news.compactRevision,
    canceled: news.canceled,
  });
  return messageReport(WatchResponseDescriptor, response, {
    simple: (page, style) => {
      for (const event of news.events) simpleEvent(page, event, style);
    },
    fields: (page, style) => {
      headerFields(page, news.header, style);
      for (const event of news.events) {
        page.line(`"Type" : ${eventTypeName(event)}`);
        if (event.prevKv !== undefined) keyValueFields(page, event.prevKv, style, "Prev");
        keyValueFields(page, event.kv, style);
      }
    },
    // The fields of the Go client's own type, which has no names for JSON.
    json: () => ({
      Header: news.header === undefined ? {} : messageValue(ResponseHeaderDescriptor, news.header),
      Events: news.events.length === 0 ? null : news.events.map((event) => messageValue(EventDescriptor, event)),
      CompactRevision: news.compactRevision,
      Canceled: news.canceled,
      Created: false,
      CancelReason: news.cancelReason,
    }),
  });
}

/** `PUT` or `DELETE`. */
export function eventTypeName(event: Event): string {
  return event.type === EventType.DELETE ? "DELETE" : "PUT";
}

function simpleEvent(page: Page, event: Event, style: Style): void {
  page.line(eventTypeName(event));
  if (event.prevKv !== undefined) simpleKeyValue(page, event.prevKv, style);
  simpleKeyValue(page, event.kv, style);
}
