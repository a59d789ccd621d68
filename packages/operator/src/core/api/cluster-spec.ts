import { bytesOf, quantityOf } from "./amount-rules.ts";
import { metrics, service } from "./cluster/access.ts";
import { bootstrap, maintenance, recovery, updateStrategy } from "./cluster/care.ts";
import { podTemplate, scheduling } from "./cluster/pods.ts";
import { auth, tls } from "./cluster/security.ts";
import { config, image, resources } from "./cluster/server.ts";
import { storage } from "./cluster/storage.ts";
import { backupShorthand } from "./schedule-spec.ts";
import { flag, integer, rule, section, text, withRules } from "./schema/build.ts";

// The text of a field is its documentation, in the resource definition and in docs/operator.md.

export const clusterSpec = withRules(
  section("The cluster that is wanted.", {
    replicas: integer("Number of members: odd, or 0 to hibernate.", { default: 3, min: 0, max: 9 }),
    allowEvenReplicas: flag(
      "Lets `replicas` be even. An even cluster bears no more failures than one with a member less.",
      {
        default: false,
      },
    ),
    version: text("Version of the server; the operator's own if it is left out.", {
      pattern: "^[0-9]+\\.[0-9]+\\.[0-9]+(-[0-9A-Za-z.-]+)?$",
      maxLength: 64,
    }),
    image,
    storage,
    resources,
    config,
    tls,
    auth,
    scheduling,
    podTemplate,
    service,
    podDisruptionBudget: section("The budget that keeps evictions from costing the quorum.", {
      enabled: flag("Whether there is one.", { default: true }),
    }),
    metrics,
    updateStrategy,
    maintenance,
    backup: backupShorthand,
    bootstrap,
    recovery,
    paused: flag("The operator changes nothing, and goes on telling the state.", { default: false }),
    progressDeadlineSeconds: integer(
      "Seconds without progress after which the cluster says so; the operator goes on trying.",
      {
        default: 900,
        min: 60,
        max: 86400,
      },
    ),
    clusterDomain: text("DNS domain of the Kubernetes cluster; found from the operator's resolver if it is left out.", {
      pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    }),
  }),
  rule(
    "self.replicas % 2 == 1 || self.replicas == 0 || self.allowEvenReplicas",
    "replicas must be odd, or 0; an even cluster bears no more failures than one with a member less (allowEvenReplicas lets it be all the same)",
    ({ replicas, allowEvenReplicas }) => replicas % 2 === 1 || replicas === 0 || allowEvenReplicas,
  ),
  rule(
    `${quantityOf("self.storage.size")}.compareTo(${quantityOf("self.config.quotaBackendBytes")}) >= 0`,
    "storage.size must not be less than config.quotaBackendBytes",
    ({ storage: { size }, config: { quotaBackendBytes } }) => bytesOf(size) >= bytesOf(quotaBackendBytes),
  ),
  rule(
    "self.storage.medium != 'Memory' || self.replicas != 0",
    "replicas must not be 0 while storage.medium is Memory: there would be nothing to wake up with",
    (self) => self.storage.medium !== "Memory" || self.replicas !== 0,
  ),
  rule(
    "self.storage.medium != 'Memory' || self.bootstrap.retainedVolumes != 'Adopt'",
    "bootstrap.retainedVolumes must not be Adopt while storage.medium is Memory",
    (self) => self.storage.medium !== "Memory" || self.bootstrap.retainedVolumes !== "Adopt",
  ),
  rule(
    "!self.auth.enabled || self.tls.client.mode != 'Disabled'",
    "auth.enabled needs tls.client.mode other than Disabled: passwords would travel in the clear",
    (self) => !self.auth.enabled || self.tls.client.mode !== "Disabled",
  ),
);
