import { GROUP } from "../names.ts";
import {
  anything,
  integer,
  list,
  longInteger,
  nameOf,
  object,
  oneOf,
  rule,
  section,
  text,
  withRules,
} from "../schema/build.ts";
import { annotations, labels } from "./maps.ts";

// Where members run, and what else is in their Pods.

const toleration = object(
  "One toleration, as of Pods.",
  {
    key: text("Key of the taint.", { maxLength: 316 }),
    operator: oneOf("How the value is compared.", ["Exists", "Equal"], {}),
    value: text("Value of the taint.", { maxLength: 63 }),
    effect: oneOf("Effect of the taint.", ["NoSchedule", "PreferNoSchedule", "NoExecute"], {}),
    tolerationSeconds: longInteger("How long a NoExecute taint is borne; seconds.", {}),
  },
  { required: true },
);

const spread = (description: string) => oneOf(description, ["Preferred", "Required", "None"], { default: "Preferred" });

export const scheduling = section("Where members may run.", {
  antiAffinity: spread("Whether members keep to different nodes."),
  zoneSpread: spread("Whether members spread evenly over the zones."),
  nodeSelector: labels("Labels that a node must have."),
  tolerations: list("Taints that members bear.", toleration, { default: [], maxItems: 32 }),
  affinity: anything("Affinity as of Pods; what it says replaces the anti-affinity made by the operator.", {}),
  topologySpreadConstraints: list(
    "Constraints as of Pods; those given replace the operator's own of the same key.",
    anything(
      "One constraint.",
      { required: true },
      {
        maxSkew: integer("Largest difference.", { required: true, min: 1 }),
        topologyKey: text("Label of nodes that tells the domains apart.", { required: true, maxLength: 316 }),
        whenUnsatisfiable: oneOf("What is done otherwise.", ["DoNotSchedule", "ScheduleAnyway"], { required: true }),
      },
    ),
    { default: [], maxItems: 8 },
  ),
  priorityClassName: nameOf("Priority class of the Pods.", {}),
  schedulerName: nameOf("Scheduler of the Pods.", {}),
});

const podPartName = () =>
  text("Its name.", { required: true, maxLength: 63, pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" });

/** Names of containers, volumes and mounts that are the operator's own. */
export const RESERVED_CONTAINERS = ["etcd", "prepare"] as const;
export const RESERVED_VOLUMES = ["data", "tls", "tmp"] as const;

const quoted = (names: readonly string[]) => names.map((name) => `'${name}'`).join(", ");

const unreserved = (parts: readonly { readonly name: string }[], reserved: readonly string[]) =>
  parts.every(({ name }) => !reserved.includes(name));

const OWN_KEYS = ["app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/managed-by"];

const foreignKeysCel = (path: string) =>
  `self.${path}.all(k, !k.startsWith('${GROUP}/') && !(k in [${quoted(OWN_KEYS)}]))`;

const areForeignKeys = (entries: object) =>
  Object.keys(entries).every((key) => !key.startsWith(`${GROUP}/`) && !OWN_KEYS.includes(key));

export const podTemplate = withRules(
  section("What else is in the Pods.", {
    labels: labels("Labels for the Pods; the operator's own are refused."),
    annotations: annotations("Annotations for the Pods; the operator's own are refused."),
    securityContext: anything("Security context of the Pods; user 65532 and no privileges if it is left out.", {}),
    containerSecurityContext: anything(
      "Security context of the server's container; the restricted profile if it is left out.",
      {},
    ),
    serviceAccountName: nameOf(
      "Service account; if it is left out one without rights, whose token is not mounted.",
      {},
    ),
    terminationGracePeriodSeconds: longInteger("Seconds that a server has to end.", { default: 60, min: 10, max: 600 }),
    sidecars: list(
      "Further containers.",
      anything(
        "One container, as of Pods.",
        { required: true },
        { name: podPartName(), image: text("Its image.", { required: true, minLength: 1, maxLength: 512 }) },
      ),
      { default: [], maxItems: 8 },
    ),
    volumes: list(
      "Further volumes.",
      anything("One volume, as of Pods.", { required: true }, { name: podPartName() }),
      {
        default: [],
        maxItems: 8,
      },
    ),
    volumeMounts: list(
      "Further mounts of the server's container.",
      anything(
        "One mount, as of containers.",
        { required: true },
        { name: podPartName(), mountPath: text("Where.", { required: true, minLength: 1, maxLength: 512 }) },
      ),
      { default: [], maxItems: 8 },
    ),
  }),
  rule(foreignKeysCel("labels"), "labels must not be the operator's own", ({ labels: own }) => areForeignKeys(own)),
  rule(foreignKeysCel("annotations"), "annotations must not be the operator's own", ({ annotations: own }) =>
    areForeignKeys(own),
  ),
  rule(
    `self.sidecars.all(c, !(c.name in [${quoted(RESERVED_CONTAINERS)}]))`,
    `sidecars must not be called ${RESERVED_CONTAINERS.join(" or ")}`,
    ({ sidecars }) => unreserved(sidecars, RESERVED_CONTAINERS),
  ),
  rule(
    `self.volumes.all(v, !(v.name in [${quoted(RESERVED_VOLUMES)}]))`,
    `volumes must not be called ${RESERVED_VOLUMES.join(", ")}`,
    ({ volumes }) => unreserved(volumes, RESERVED_VOLUMES),
  ),
);
