import { utf8Bytes, utf8Text } from "@quorate/base";
import { type ConfChangeSingle, ConfChangeTransition, ConfChangeType, type ConfChangeV2 } from "@quorate/raft";

const TYPE_OF_LETTER = new Map([
  ["v", ConfChangeType.AddNode],
  ["l", ConfChangeType.AddLearnerNode],
  ["r", ConfChangeType.RemoveNode],
  ["u", ConfChangeType.UpdateNode],
]);

/**
 * Configuration changes in the tests are text: `v2` adds voter 2, `l3` learner 3, `r4` removes 4, `u5` updates 5; several of
 * them in a row make a joint change; `implicit` or `explicit` in front asks for one; no text at all leaves the joint one.
 */
export function parseChange(text: string): ConfChangeV2 {
  let transition: number = ConfChangeTransition.Auto;
  const changes: ConfChangeSingle[] = [];
  for (const word of text.split(" ").filter((part) => part !== "")) {
    if (word === "implicit") transition = ConfChangeTransition.JointImplicit;
    else if (word === "explicit") transition = ConfChangeTransition.JointExplicit;
    else {
      const type = TYPE_OF_LETTER.get(word.slice(0, 1));
      if (type === undefined) throw new Error(`not a configuration change: ${word}`);
      changes.push({ type, nodeId: BigInt(word.slice(1)) });
    }
  }
  return { transition, changes };
}

/** What goes into the entry. */
export function encodeChange(text: string): Uint8Array {
  return utf8Bytes(text);
}

export function decodeChange(data: Uint8Array): ConfChangeV2 {
  return parseChange(utf8Text(data));
}
