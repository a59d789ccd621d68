/** Structured fields of a log line; keys are kebab-case as etcd's, values never secrets or unbounded bytes. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where log lines go. `message` is a constant lower-case phrase; what varies is a field. Never blocks, never throws. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every line. */
  child(fields: LogFields): Logger;
}

/** Swallows every line; for tests and embedding. */
export const NO_LOGGER: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child() {
    return NO_LOGGER;
  },
};
