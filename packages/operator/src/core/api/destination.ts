import { flag, nameOf, object, oneOf, rule, text, withRules } from "./schema/build.ts";
import type { Held } from "./schema/schema.ts";

/** An S3-compatible store. */
const s3 = object(
  "A bucket of an S3-compatible store.",
  {
    bucket: text("Name of the bucket.", { required: true, minLength: 3, maxLength: 63 }),
    prefix: text("What the keys of all objects begin with; no slash in front.", { maxLength: 512, pattern: "^[^/]" }),
    endpoint: text("URL of the store; without it Amazon's endpoint of the region.", {
      maxLength: 512,
      pattern: "^https?://",
    }),
    region: text("Region that requests are signed for.", { default: "us-east-1", maxLength: 64 }),
    credentialsSecretName: nameOf(
      "Secret with `accessKeyId`, `secretAccessKey` and, for temporary ones, `sessionToken`. Without it the identity of the Pod is used, and if it has none requests are not signed.",
      {},
    ),
    pathStyle: flag("Whether the bucket is named in the path rather than in the host name.", { default: false }),
    caConfigMapName: nameOf(
      "ConfigMap whose `ca.crt` holds the authorities that the store's certificate is checked by.",
      {},
    ),
  },
  {},
);

const pvc = object(
  "A directory of a PersistentVolumeClaim.",
  {
    claimName: nameOf("Name of the claim.", { required: true }),
    subPath: text("Directory inside; no slash in front.", { maxLength: 512, pattern: "^[^/]" }),
  },
  {},
);

/** Where artifacts are kept: exactly one of the stores. */
export const destination = withRules(
  object("Where artifacts are kept: exactly one store.", { s3, pvc }, { required: true }),
  rule(
    "has(self.s3) != has(self.pvc)",
    "exactly one of s3 and pvc must be given",
    (self) => (self.s3 === undefined) !== (self.pvc === undefined),
  ),
);

export type Destination = Held<typeof destination>;

export const compression = () =>
  oneOf("How artifacts are compressed on their way to the store.", ["Gzip", "None"], { default: "Gzip" });
