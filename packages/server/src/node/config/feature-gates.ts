import { type Parsed, parseBool } from "./go-values.ts";
import type { FeatureGate } from "./server-config.ts";

interface GateSpec {
  readonly stage: "ALPHA" | "BETA";
  readonly enabled: boolean;
}

/** etcd 3.7's gates with their stage and default, in the order they are reported. */
export const FEATURE_GATES: Readonly<Record<FeatureGate, GateSpec>> = {
  CompactHashCheck: { stage: "ALPHA", enabled: false },
  FastLeaseKeepAlive: { stage: "BETA", enabled: true },
  InitialCorruptCheck: { stage: "ALPHA", enabled: false },
  LeaseCheckpoint: { stage: "ALPHA", enabled: false },
  LeaseCheckpointPersist: { stage: "ALPHA", enabled: false },
  PriorityRequest: { stage: "ALPHA", enabled: false },
  SetMemberLocalAddr: { stage: "ALPHA", enabled: false },
  StopGRPCServiceOnDefrag: { stage: "ALPHA", enabled: false },
  TxnModeWriteWithSharedBuffer: { stage: "BETA", enabled: true },
};

const STAGE_SWITCHES: Readonly<Record<string, GateSpec["stage"]>> = { AllAlpha: "ALPHA", AllBeta: "BETA" };

export type GateValues = Readonly<Record<FeatureGate, boolean>>;

/** Reads `A=true,B=false`. `AllAlpha` and `AllBeta` set the gates of a stage that are not named themselves. */
export function parseFeatureGates(text: string): Parsed<GateValues> {
  const named = new Map<string, boolean>();
  for (const part of text.split(",")) {
    if (part === "") continue;
    const [rawName = "", ...rest] = part.split("=");
    const name = rawName.trim();
    if (rest.length === 0) return { error: `missing bool value for ${name}` };
    const value = rest.join("=").trim();
    const parsed = parseBool(value);
    if ("error" in parsed) {
      return { error: `invalid value of ${name}=${value}, err: strconv.ParseBool: parsing "${value}": invalid syntax` };
    }
    if (!(name in FEATURE_GATES) && !(name in STAGE_SWITCHES)) return { error: `unrecognized feature gate: ${name}` };
    named.set(name, parsed.value);
  }
  const values: Partial<Record<FeatureGate, boolean>> = {};
  for (const [gate, spec] of Object.entries(FEATURE_GATES) as Array<[FeatureGate, GateSpec]>) {
    const stage = named.get(spec.stage === "ALPHA" ? "AllAlpha" : "AllBeta");
    values[gate] = named.get(gate) ?? stage ?? spec.enabled;
  }
  return { value: values as GateValues };
}
