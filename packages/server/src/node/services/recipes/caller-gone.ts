/** Who asked does not wait for an answer any more: nobody is told. */
export class CallerGone extends Error {
  override readonly name = "CallerGone";

  constructor() {
    super("the caller is gone");
  }
}
