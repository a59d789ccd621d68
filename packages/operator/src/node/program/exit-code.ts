/** How the program ends; agents and init containers have codes of their own beside these. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  /** Leadership was lost: another acts now, and this process must not. */
  leadershipLost: 3,
  /** A bug: an error that nobody expected. */
  crashed: 70,
} as const;
