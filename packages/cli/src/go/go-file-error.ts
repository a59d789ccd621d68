const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  EISDIR: "is a directory",
  ENOTDIR: "not a directory",
  EROFS: "read-only file system",
  ENOSPC: "no space left on device",
};

/** A failure with a file as Go prints it: `open /x: no such file or directory`. */
export function goFileError(operation: string, path: string, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return `${operation} ${path}: ${REASONS[code ?? ""] ?? message}`;
}
