/** Exit codes of etcdctl, which scripts rely on (CLI page, A1.1). `lock NAME COMMAND` ends with the code of its command instead. */
export const ExitCode = {
  success: 0,
  /** The server refused, or anything without a code of its own. */
  error: 1,
  /** No client could be made, or a lease or watch call failed. */
  badConnection: 2,
  /** A transaction or watch line that cannot be read. */
  invalidInput: 3,
  /** A format or option value that is not supported. */
  badFeature: 4,
  /** A watch ended by the server, a snapshot not saved. */
  interrupted: 5,
  /** Wrong arguments or contradictory flags. */
  badArguments: 128,
} as const;
