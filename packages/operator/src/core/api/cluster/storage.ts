import { atLeastCel, bytesOf, quantityOf } from "../amount-rules.ts";
import { nameOf, oneOf, quantity, rule, section, transition, withRules } from "../schema/build.ts";
import { annotations, labels } from "./maps.ts";

export const storage = withRules(
  section("The volumes that members keep their data on.", {
    size: quantity("Size of each member's volume. It may grow, never shrink.", { default: "8Gi" }),
    storageClassName: nameOf("Storage class; the Kubernetes cluster's default if it is left out.", {}),
    accessMode: oneOf("Access mode of the claims.", ["ReadWriteOnce", "ReadWriteOncePod"], {
      default: "ReadWriteOnce",
    }),
    medium: oneOf(
      "Memory keeps the data in the Pod's memory: a member that restarts on another node has lost it.",
      ["Disk", "Memory"],
      {
        default: "Disk",
      },
    ),
    whenScaled: oneOf("What becomes of the volume of a member that was removed.", ["Delete", "Retain"], {
      default: "Delete",
    }),
    whenDeleted: oneOf("What becomes of the volumes when the cluster is deleted.", ["Retain", "Delete"], {
      default: "Retain",
    }),
    labels: labels("Labels for the claims."),
    annotations: annotations("Annotations for the claims."),
  }),
  rule(atLeastCel("self.size", "1"), "size must be more than 0", ({ size }) => bytesOf(size) >= 1),
  transition(
    `${quantityOf("self.size")}.compareTo(${quantityOf("oldSelf.size")}) >= 0`,
    "size must not shrink: volumes cannot",
    (self, oldSelf) => bytesOf(self.size) >= bytesOf(oldSelf.size),
  ),
  transition(
    "has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",
    "storageClassName cannot be changed",
    (self, oldSelf) => self.storageClassName === oldSelf.storageClassName,
  ),
  transition(
    "self.accessMode == oldSelf.accessMode",
    "accessMode cannot be changed",
    (self, oldSelf) => self.accessMode === oldSelf.accessMode,
  ),
  transition(
    "self.medium == oldSelf.medium",
    "medium cannot be changed",
    (self, oldSelf) => self.medium === oldSelf.medium,
  ),
);
