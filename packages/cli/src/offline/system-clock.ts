/** The machine's clocks. */
export const SYSTEM_CLOCK = {
  nowMs: (): number => performance.now(),
  wallMs: (): number => Date.now(),
};
