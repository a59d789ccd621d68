import { isSameJson } from "./same-json.ts";
import { transition } from "./schema/build.ts";

/** Refuses every change of an object: what was asked for is done once. */
export function frozen<T>() {
  return transition<T>("self == oldSelf", "cannot be changed: make a new object", isSameJson);
}
