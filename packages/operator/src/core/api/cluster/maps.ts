import { map, quantity, text } from "../schema/build.ts";

const LABEL_VALUE = "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$";

export const labels = (description: string) =>
  map(description, text("Value.", { required: true, maxLength: 63, pattern: LABEL_VALUE }), {
    default: {},
    maxProperties: 32,
  });

export const annotations = (description: string) =>
  map(description, text("Value.", { required: true, maxLength: 4096 }), { default: {}, maxProperties: 32 });

export const resourceAmounts = (description: string, preset: Readonly<Record<string, string>>) =>
  map(description, quantity("Amount.", { required: true }), { default: preset, maxProperties: 6 });
