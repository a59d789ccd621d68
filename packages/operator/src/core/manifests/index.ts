export { backupSchedule } from "./backup-schedule.ts";
export { base64FromText, textFromBase64 } from "./base64-text.ts";
export {
  authorityRequest,
  changeAtMs,
  clientRequest,
  memberHosts,
  memberRequest,
  OPERATOR_USER,
  renewAtMs,
} from "./certificate-requests.ts";
export { clientService, peerService } from "./cluster-services.ts";
export type { ClusterSettings, ManifestDefaults } from "./cluster-settings.ts";
export { clusterSettings, serverHas } from "./cluster-settings.ts";
export type {
  Authorities,
  AuthorityStage,
  ClusterAuthorities,
  MemberCertificates,
  TrustedCertificates,
} from "./credentials.ts";
export {
  AUTHORITY_KEYS,
  AUTHORITY_STAGES,
  authorityConfigMap,
  authoritySecret,
  clientSecret,
  memberSecret,
  rootSecret,
  serviceAccount,
  trustedBy,
} from "./credentials.ts";
export type { BudgetOptions } from "./disruption-budget.ts";
export { disruptionBudget } from "./disruption-budget.ts";
export { claimOwners, memberClaim } from "./member-claim.ts";
export type { MemberObjectOptions } from "./member-object.ts";
export { memberObject } from "./member-object.ts";
export type { MemberPodOptions } from "./member-pod.ts";
export { FORCE_EPOCH_ANNOTATION, memberPod, SERVER_CONTAINER, scrapeAnnotations } from "./member-pod.ts";
export type { MemberIdentity } from "./object-metadata.ts";
export { clusterLabels, clusterOwner, memberLabels, memberOwner } from "./object-metadata.ts";
export {
  authorityConfigMapName,
  authoritySecretName,
  clientSecretName,
  memberClaimName,
  memberHost,
  memberSecretName,
  operatorSecretName,
  peerServiceName,
  rootSecretName,
} from "./object-names.ts";
export { podMonitor } from "./pod-monitor.ts";
export { PREPARE_ENV } from "./prepare-container.ts";
export type { RestoreSource } from "./restore-source.ts";
export { CLIENT_PORT, PEER_PORT, serverArguments, VOLUME_PATH } from "./server-arguments.ts";
export { fingerprint, templateHash } from "./template-hash.ts";
