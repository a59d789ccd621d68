/** The text is not JSON, or not JSON of the message; the message says where, in the words of the decoders behind etcd's gateway. */
export class JsonError extends Error {
  override readonly name = "JsonError";
}
