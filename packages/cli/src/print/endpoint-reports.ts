import {
  type HashKVResponse,
  HashKVResponseDescriptor,
  type StatusResponse,
  StatusResponseDescriptor,
} from "@quorate/protocol";
import { humanBytes } from "../go/byte-size.ts";
import { type GoValue, messageValue } from "../go/go-json.ts";
import { goQuote } from "../go/go-quote.ts";
import type { Table } from "./box-table.ts";
import { headerFields } from "./parts.ts";
import type { Report } from "./report.ts";

/** How an endpoint fared. */
export interface EndpointHealth {
  readonly endpoint: string;
  readonly isHealthy: boolean;
  /** A Go duration; empty where no call was made. */
  readonly took: string;
  /** Empty when it is healthy. */
  readonly error: string;
}

export interface EndpointStatus {
  readonly endpoint: string;
  readonly status: StatusResponse;
}

export interface EndpointHash {
  readonly endpoint: string;
  readonly hash: HashKVResponse;
}

/** Healthy endpoints only in the format `simple`: the others go to standard error there. */
export function healthReport(list: readonly EndpointHealth[]): Report {
  return {
    simple: (page) => {
      for (const { endpoint, took } of list.filter(({ error }) => error === ""))
        page.line(`${endpoint} is healthy: successfully committed proposal: took = ${took}`);
    },
    fields: (page) => {
      for (const one of list) {
        page.line(`"Endpoint" : ${goQuote(one.endpoint)}`);
        page.line(`"Health" : ${one.isHealthy}`);
        page.line(`"Took" : ${one.took}`);
        page.line(`"Error" : ${one.error}`);
        page.line("");
      }
    },
    json: () =>
      listOrNull(
        list.map((one) => ({
          endpoint: one.endpoint,
          health: one.isHealthy,
          took: one.took,
          error: one.error === "" ? undefined : one.error,
        })),
      ),
    table: () => ({
      headings: ["endpoint", "health", "took", "error"],
      rows: list.map((one) => [one.endpoint, String(one.isHealthy), one.took, one.error]),
    }),
  };
}

export function statusReport(list: readonly EndpointStatus[]): Report {
  return {
    simple: (page) => {
      for (const row of statusTable(list).rows) page.line(row.join(", "));
    },
    fields: (page, style) => {
      for (const { endpoint, status } of list) {
        headerFields(page, status.header, style);
        page.line(`"Version" : ${goQuote(status.version)}`);
        page.line(`"StorageVersion" : ${goQuote(status.storageVersion)}`);
        page.line(`"DBSize" : ${status.dbSize}`);
        page.line(`"DBSizeInUse" : ${status.dbSizeInUse}`);
        page.line(`"DBSizeQuota" : ${status.dbSizeQuota}`);
        page.line(`"Leader" : ${status.leader}`);
        page.line(`"IsLearner" : ${status.isLearner}`);
        page.line(`"RaftIndex" : ${status.raftIndex}`);
        // A second time, after the header's; etcd removed it in 3.7.2. CLI page, A3.2.
        page.line(`"RaftTerm" : ${status.raftTerm}`);
        page.line(`"RaftAppliedIndex" : ${status.raftAppliedIndex}`);
        page.line(`"Errors" : [${status.errors.join(" ")}]`);
        page.line(`"Endpoint" : ${goQuote(endpoint)}`);
        page.line(`"DowngradeTargetVersion" : ${goQuote(status.downgradeInfo?.targetVersion ?? "")}`);
        page.line(`"DowngradeEnabled" : ${status.downgradeInfo?.enabled ?? false}`);
        page.line("");
      }
    },
    json: () =>
      listOrNull(
        list.map(({ endpoint, status }) => ({
          Endpoint: endpoint,
          Status: messageValue(StatusResponseDescriptor, status),
        })),
      ),
    table: () => statusTable(list),
  };
}

export function hashReport(list: readonly EndpointHash[]): Report {
  const table: Table = {
    headings: ["endpoint", "hash", "hash_revision"],
    rows: list.map(({ endpoint, hash }) => [endpoint, String(hash.hash), String(hash.hashRevision)]),
  };
  return {
    simple: (page) => {
      for (const row of table.rows) page.line(row.join(", "));
    },
    fields: (page, style) => {
      for (const { endpoint, hash } of list) {
        headerFields(page, hash.header, style);
        page.line(`"Endpoint" : ${goQuote(endpoint)}`);
        page.line(`"Hash" : ${hash.hash}`);
        page.line(`"HashRevision" : ${hash.hashRevision}`);
        page.line("");
      }
    },
    json: () =>
      listOrNull(
        list.map(({ endpoint, hash }) => ({
          Endpoint: endpoint,
          HashKV: messageValue(HashKVResponseDescriptor, hash),
        })),
      ),
    table: () => table,
  };
}

function statusTable(list: readonly EndpointStatus[]): Table {
  return {
    headings: [
      "endpoint",
      "ID",
      "version",
      "storage version",
      "db size",
      "in use",
      "percentage not in use",
      "quota",
      "is leader",
      "is learner",
      "raft term",
      "raft index",
      "raft applied index",
      "errors",
      "downgrade target version",
      "downgrade enabled",
    ],
    rows: list.map(({ endpoint, status }) => [
      endpoint,
      (status.header?.memberId ?? 0n).toString(16),
      status.version,
      status.storageVersion,
      humanBytes(status.dbSize),
      humanBytes(status.dbSizeInUse),
      `${percentageFree(status)}%`,
      humanBytes(status.dbSizeQuota),
      String(status.leader === (status.header?.memberId ?? 0n)),
      String(status.isLearner),
      String(status.raftTerm),
      String(status.raftIndex),
      String(status.raftAppliedIndex),
      status.errors.join(", "),
      status.downgradeInfo?.targetVersion ?? "",
      String(status.downgradeInfo?.enabled ?? false),
    ]),
  };
}

/** Whole percents; an empty database (where etcdctl divides by zero) has nothing free. */
function percentageFree(status: StatusResponse): number {
  return status.dbSize === 0 ? 0 : 100 - Math.trunc((status.dbSizeInUse * 100) / status.dbSize);
}

/** An empty list of Go is null in JSON. */
function listOrNull(list: readonly GoValue[]): GoValue {
  return list.length === 0 ? null : list;
}
