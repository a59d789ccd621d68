/** JSON as Go's `encoding/json` writes it: characters that mean something in HTML are escaped, so that the text may stand there. */
export function goJsonText(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
