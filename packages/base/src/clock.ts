/** Where time comes from. Cores never see it: they are ticked, or handed a value. */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary origin; never goes back. */
  nowMs(): number;
  /** Wall-clock milliseconds since the Unix epoch; may jump. Only for names, tokens and certificates. */
  wallMs(): number;
}
