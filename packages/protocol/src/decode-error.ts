/** The bytes are not an encoded message. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  /** Position of the byte at which it was noticed. */
  readonly offset: number;

  constructor(what: string, offset: number) {
    super(`proto: ${what}`);
    this.offset = offset;
  }
}
