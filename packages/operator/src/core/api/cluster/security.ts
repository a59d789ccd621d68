import { msOf } from "../amount-rules.ts";
import { duration, flag, list, nameOf, oneOf, rule, section, text, transition, withRules } from "../schema/build.ts";

const tlsMode = (description: string) => oneOf(description, ["Auto", "Disabled"], { default: "Auto" });

const fixedMode = <T extends { readonly mode: string }>() =>
  transition<T>(
    "self.mode == oldSelf.mode",
    "mode cannot be changed: members with and without TLS do not reach each other",
    (self, oldSelf) => self.mode === oldSelf.mode,
  );

export const tls = withRules(
  section("Certificates.", {
    peer: withRules(
      section("Between members.", {
        mode: tlsMode("Auto: the operator has its own authority for each cluster. It cannot be changed later."),
      }),
      fixedMode(),
    ),
    client: withRules(
      section("Between clients and members.", {
        mode: tlsMode("Auto: the operator has its own authority for each cluster. It cannot be changed later."),
        clientAuth: oneOf(
          "Whether clients have to show a certificate of the cluster's authority.",
          ["Require", "None"],
          {
            default: "Require",
          },
        ),
        extraSANs: list(
          "DNS names and IP addresses that the members' certificates are valid for besides their own.",
          text("DNS name or IP address.", {
            required: true,
            minLength: 1,
            maxLength: 253,
            pattern: "^[A-Za-z0-9*.:-]+$",
          }),
          { default: [], maxItems: 32 },
        ),
      }),
      fixedMode(),
    ),
    certificates: withRules(
      section("Members' and clients' certificates.", {
        duration: duration("How long a certificate is valid.", { default: "2160h" }),
        renewBefore: duration("How long before its end it is replaced; less than half of `duration`.", {
          default: "720h",
        }),
        keyAlgorithm: oneOf("Kind of key.", ["ECDSA-P256", "ECDSA-P384", "RSA-3072", "Ed25519"], {
          default: "ECDSA-P256",
        }),
      }),
      rule(
        "duration(self.renewBefore) + duration(self.renewBefore) < duration(self.duration)",
        "renewBefore must be less than half of duration",
        ({ renewBefore, duration: valid }) => 2 * msOf(renewBefore) < msOf(valid),
      ),
      rule(
        "duration(self.renewBefore) >= duration('1m')",
        "renewBefore must be at least 1m",
        ({ renewBefore }) => msOf(renewBefore) >= 60_000,
      ),
    ),
    caRotationOverlap: duration(
      "When the authorities are changed: how long clients have to fetch what the new ones are trusted by before these issue, and again to fetch their new certificates before the former ones are trusted no more; at least 10m.",
      { default: "24h" },
    ),
  }),
  rule(
    "duration(self.caRotationOverlap) >= duration('10m')",
    "caRotationOverlap must be at least 10m",
    ({ caRotationOverlap }) => msOf(caRotationOverlap) >= 600_000,
  ),
);

export const auth = section("Users of etcd's own.", {
  enabled: flag("Whether requests need a user. The operator makes `root` and turns authentication on and off.", {
    default: false,
  }),
  rootSecretName: nameOf(
    "Secret with `username` and `password` of root; the operator makes `<cluster>-root` if it is left out.",
    {},
  ),
});
