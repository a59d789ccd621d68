/** HTTP status of each gRPC status code. Errors page, section 6. */
const HTTP_STATUS: readonly number[] = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
];

export function httpStatusOf(code: number): number {
  return HTTP_STATUS[code] ?? 500;
}

/** A status as JSON, without what is zero or empty. */
export function statusJson(code: number, message: string): string {
  return JSON.stringify({ ...(code === 0 ? {} : { code }), ...(message === "" ? {} : { message }) });
}
