import { printable } from "./step.ts";

const DIFFERENCES_MAX = 8;

/** The places where two plain values differ, as lines `path: a | b`; empty when they are equal. */
export function differences(a: unknown, b: unknown, path: string = ""): readonly string[] {
  const found: string[] = [];
  collect(a, b, path, found);
  return found;
}

function collect(a: unknown, b: unknown, path: string, found: string[]): void {
  if (a === b || found.length >= DIFFERENCES_MAX) return;
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    if (Buffer.compare(a, b) !== 0) found.push(line(path, a, b));
    return;
  }
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
    found.push(line(path, a, b));
    return;
  }
  if (Array.isArray(a) && Array.isArray(b) && a.length !== b.length) {
    found.push(line(`${path}.length`, a.length, b.length));
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
    collect(left[key], right[key], path === "" ? key : `${path}.${key}`, found);
  }
}

function line(path: string, a: unknown, b: unknown): string {
  const show = (value: unknown): string => JSON.stringify(value, printable) ?? "absent";
  return `${path}: ${show(a)} | ${show(b)}`;
}
