/** The text is not JSON, or not JSON of the message; the message says where. */
export class JsonError extends Error {
  override readonly name = "JsonError";

  constructor(what: string) {
    super(`proto: ${what}`);
  }
}
