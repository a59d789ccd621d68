/** Major, minor, patch. */
export type ServerVersion = readonly [number, number, number];

/** Undefined unless it begins as `3.5.30` does. */
export function parseVersion(text: string): ServerVersion | undefined {
  const [, major, minor, patch] = /^v?(\d+)\.(\d+)\.(\d+)/.exec(text) ?? [];
  if (major === undefined || minor === undefined || patch === undefined) return undefined;
  return [Number(major), Number(minor), Number(patch)];
}

export function isAtLeast(version: ServerVersion, least: ServerVersion): boolean {
  for (const [i, wanted] of least.entries()) {
    const given = version[i] ?? 0;
    if (given !== wanted) return given > wanted;
  }
  return true;
}
