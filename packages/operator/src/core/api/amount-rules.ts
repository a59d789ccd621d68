import { parseDuration, parseQuantity } from "./amounts.ts";
import type { Quantity } from "./schema/build.ts";

// Comparisons that rules are made of, each once as CEL and once as a function. The CEL text names the value by its path from `self`.

export const quantityOf = (path: string) => `quantity(string(${path}))`;

export const atLeastCel = (path: string, least: string) => `${quantityOf(path)}.compareTo(quantity('${least}')) >= 0`;

export const atMostCel = (path: string, most: string) => `${quantityOf(path)}.compareTo(quantity('${most}')) <= 0`;

export function bytesOf(quantity: Quantity): number {
  return parseQuantity(quantity) ?? Number.NaN;
}

export function msOf(duration: string): number {
  return parseDuration(duration) ?? Number.NaN;
}
