/** The parts of V8's CPU profile (`.cpuprofile`) that are needed to tell where time goes. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

/** Where time went, as a part (0 to 1) of the whole profile. */
export interface SelfTime {
  readonly where: string;
  readonly share: number;
}

/** Time spent in each function itself, largest first; V8's own states such as `(idle)` are among them. */
export function selfTimes(profile: CpuProfile): readonly SelfTime[] {
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, functionName(callFrame)]));
  return shares(profile, (id) => names.get(id) ?? "(unknown)");
}

/** The same by source file. */
export function selfTimesByFile(profile: CpuProfile): readonly SelfTime[] {
  const files = new Map(profile.nodes.map(({ id, callFrame }) => [id, fileName(callFrame)]));
  return shares(profile, (id) => files.get(id) ?? "(unknown)");
}

function shares(profile: CpuProfile, nameOf: (id: number) => string): readonly SelfTime[] {
  const micros = new Map<string, number>();
  let total = 0;
  for (const [i, id] of profile.samples.entries()) {
    const name = nameOf(id);
    const delta = profile.timeDeltas[i] ?? 0;
    total += delta;
    micros.set(name, (micros.get(name) ?? 0) + delta);
  }
  return [...micros].map(([where, spent]) => ({ where, share: spent / total })).sort((a, b) => b.share - a.share);
}

type CallFrame = CpuProfile["nodes"][number]["callFrame"];

function functionName(frame: CallFrame): string {
  const name = frame.functionName === "" ? "(anonymous)" : frame.functionName;
  return frame.url === "" ? name : `${name} ${shortUrl(frame.url)}:${frame.lineNumber + 1}`;
}

function fileName(frame: CallFrame): string {
  return frame.url === "" ? frame.functionName : shortUrl(frame.url);
}

function shortUrl(url: string): string {
  return url.replace(/^.*\/(?:packages|node_modules)\//, "");
}
