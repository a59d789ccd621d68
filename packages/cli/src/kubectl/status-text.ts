import type { Cluster, ClusterMember, Condition, Survivor } from "./objects.ts";
import { ageText, textTable } from "./text-table.ts";

/** Status of a condition in which all is well; others are told when they differ from it. */
const WELL: Readonly<Record<string, string>> = {
  Ready: "True",
  Available: "True",
  Degraded: "False",
  QuorumHealthy: "True",
  ClusterIDConsistent: "True",
  StorageReady: "True",
  CertificatesReady: "True",
  NoAlarms: "True",
  BackupHealthy: "True",
  Paused: "False",
  EvenSize: "False",
};
/** Reasons that are told although the status is good, or not told although it is not. */
const TELLING: ReadonlySet<string> = new Set(["AtRisk", "NoSpace"]);
const QUIET: ReadonlySet<string> = new Set(["NotConfigured"]);

/** Ready, and the operator has seen the newest spec. */
export function isReady(cluster: Cluster): boolean {
  const ready = conditionOf(cluster, "Ready");
  if (ready?.status !== "True") return false;
  const { generation } = cluster.metadata;
  return generation === undefined || (ready.observedGeneration ?? generation) >= generation;
}

export function listText(clusters: readonly Cluster[], nowMs: number): string {
  if (clusters.length === 0) return "No clusters found.\n";
  const rows = clusters.map((cluster) => {
    const { status } = cluster;
    return [
      cluster.metadata.name,
      status?.ready ?? "",
      conditionOf(cluster, "QuorumHealthy")?.status ?? "",
      status?.leader?.member ?? "",
      status?.version?.current ?? "",
      status?.database?.size ?? "",
      ageText(status?.backup?.lastSuccessfulTime, nowMs),
      status?.phase ?? "",
      status?.message ?? "not seen by the operator yet",
    ];
  });
  return textTable(["Name", "Ready", "Quorum", "Leader", "Version", "DB", "Backup", "Status", "Message"], rows);
}

/** One cluster on a screen: what it is, its members, what is wrong. */
export function clusterText(cluster: Cluster, nowMs: number): string {
  const { status } = cluster;
  if (status === undefined) return `${cluster.metadata.name}: not seen by the operator yet\n`;
  const parts = [
    headText(cluster, nowMs),
    membersText(status.members ?? []),
    survivorsText(status.survivors ?? [], nowMs),
  ];
  const told = (status.conditions ?? []).filter(isWorthTelling);
  if (told.length > 0) parts.push(textTable(["Condition", "Status", "Reason", "Message"], told.map(conditionRow)));
  return parts.filter((part) => part !== "").join("\n");
}

function headText(cluster: Cluster, nowMs: number): string {
  const { metadata, spec, status = {} } = cluster;
  const { quorum, version, database, backup, operation } = status;
  const lines: readonly (readonly [string, string | undefined])[] = [
    ["Cluster", `${metadata.namespace ?? ""}/${metadata.name}`],
    ["ID", status.clusterID],
    ["Status", [status.phase, status.message].filter((text) => text !== undefined && text !== "").join(": ")],
    ["Ready", status.ready ?? (spec.replicas === undefined ? undefined : `0/${spec.replicas}`)],
    [
      "Quorum",
      quorum && `${quorum.healthy ?? 0} healthy, ${quorum.required ?? 0} needed, ${quorum.tolerates ?? 0} may fail`,
    ],
    ["Leader", status.leader?.member],
    ["Version", changing(version?.current, version?.target)],
    ["Database", database?.size && `${database.size}, ${database.quotaPercent ?? 0}% of its quota`],
    ["Revision", status.revision],
    ["Endpoint", status.endpoints?.service],
    ["Backup", backupText(backup, nowMs)],
    [
      "Doing",
      operation?.type &&
        [operation.type, operation.member, since(operation.startedAt, nowMs)].filter(Boolean).join(" "),
    ],
    ["Observed", status.lastObservedTime && `${ageText(status.lastObservedTime, nowMs)} ago`],
  ];
  const shown = lines.filter(([, value]) => value !== undefined && value !== "");
  return shown.map(([name, value]) => `${`${name}:`.padEnd(10)} ${value}\n`).join("");
}

function changing(current: string | undefined, target: string | undefined): string | undefined {
  return target === undefined || target === current ? current : `${current ?? "none"}, changing to ${target}`;
}

function since(time: string | undefined, nowMs: number): string | undefined {
  return time === undefined ? undefined : `for ${ageText(time, nowMs)}`;
}

function backupText(backup: NonNullable<Cluster["status"]>["backup"], nowMs: number): string {
  if (backup?.lastSuccessfulTime === undefined) return "none";
  const verified = backup.lastVerifiedTime === undefined ? "never" : `${ageText(backup.lastVerifiedTime, nowMs)} ago`;
  return `${ageText(backup.lastSuccessfulTime, nowMs)} ago, verified ${verified}`;
}

function membersText(members: readonly ClusterMember[]): string {
  if (members.length === 0) return "";
  const rows = members.map((member) => [
    member.name,
    member.id ?? "",
    member.role ?? "",
    member.ready === undefined ? "" : String(member.ready),
    member.node ?? "",
    member.version ?? "",
    member.dbSize === undefined ? "" : bytesText(member.dbSize),
    member.lag === undefined ? "" : String(member.lag),
    [...(member.alarms ?? []), member.message ?? member.phase ?? ""].filter((text) => text !== "").join(" "),
  ]);
  return textTable(["Member", "ID", "Role", "Ready", "Node", "Version", "DB", "Lag", "State"], rows);
}

function survivorsText(survivors: readonly Survivor[], nowMs: number): string {
  if (survivors.length === 0) return "";
  const rows = survivors.map((one) => [
    one.member,
    one.pod ?? "",
    one.node ?? "",
    one.volume ?? "",
    one.dataValid ?? "",
    one.raftTerm === undefined ? "" : String(one.raftTerm),
    one.raftIndex === undefined ? "" : String(one.raftIndex),
    ageText(one.lastSeen, nowMs),
  ]);
  const table = textTable(["Voter", "Pod", "Node", "Volume", "Data valid", "Term", "Index", "Last seen"], rows);
  return `What can be saved (kubectl quorate restore --survivor):\n${table}`;
}

function isWorthTelling({ type, status, reason }: Condition): boolean {
  if (TELLING.has(reason)) return true;
  const well = WELL[type];
  return well !== undefined && status !== well && !QUIET.has(reason);
}

function conditionRow({ type, status, reason, message }: Condition): readonly string[] {
  return [type, status, reason, message];
}

function conditionOf(cluster: Cluster, type: string): Condition | undefined {
  return cluster.status?.conditions?.find((condition) => condition.type === type);
}

/** Bytes in the largest binary unit, with at most one digit behind the point. */
export function bytesText(bytes: number): string {
  const units = ["B", "Ki", "Mi", "Gi", "Ti"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Math.round(value * 10) / 10}${units[unit]}`;
}
