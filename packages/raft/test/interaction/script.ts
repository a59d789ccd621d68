import { Stage } from "./stage.ts";

/**
 * Runs a script: lines that start with `> ` are commands, lines that start with `#` and empty lines are kept, anything else is
 * the outcome of the command before it, which is replaced by what happens now.
 */
export function replay(script: string): string {
  const stage = new Stage();
  const result: string[] = [];
  for (const line of script.split("\n")) {
    if (line.startsWith("> ")) {
      result.push(line);
      result.push(...execute(stage, line.slice(2)).map((outcome) => `  ${outcome}`));
    } else if (line === "" || line.startsWith("#")) {
      result.push(line);
    }
  }
  return result.join("\n");
}

function execute(stage: Stage, command: string): string[] {
  const [verb = "", ...parts] = command.split(" ").filter((part) => part !== "");
  const words: string[] = [];
  const options = new Map<string, string>();
  for (const part of parts) {
    const at = part.indexOf("=");
    if (at > 0) options.set(part.slice(0, at), part.slice(at + 1));
    else if (FLAGS.has(part)) options.set(part, "");
    else words.push(part);
  }
  return stage.run(verb, { words, options });
}

const FLAGS: ReadonlySet<string> = new Set(["prevote", "checkquorum", "lease", "stepdown", "no-validation"]);
