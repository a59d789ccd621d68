import { KubeError, type KubeErrorReason } from "../../core/index.ts";

/** The part of the API's Status object that tells why a request was refused. */
export interface KubeStatus {
  readonly kind?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly causes?: readonly { readonly reason?: string; readonly field?: string }[];
  };
}

/** A refusal with what the server said; for the adapter, which tells some of one reason apart. */
export class ApiRefusal extends KubeError {
  readonly status: KubeStatus;

  constructor(reason: KubeErrorReason, message: string, retryAfterMs: number | undefined, status: KubeStatus) {
    super(reason, message, retryAfterMs);
    this.status = status;
  }
}

/** An answer that is no success, as what the ports promise. `retryAfter` is the header's text. */
export function refusal(what: string, code: number, status: KubeStatus, retryAfter: string | undefined): ApiRefusal {
  const seconds = Number(retryAfter ?? Number.NaN);
  const retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
  const text = `${what}: ${status.message ?? `HTTP status ${code}`}`;
  return new ApiRefusal(reasonOf(code, status), text, retryAfterMs, status);
}

/** A request that got no answer. */
export function noAnswer(what: string, error: unknown): KubeError {
  if (error instanceof KubeError) return error;
  return new KubeError("Unavailable", `${what}: ${error instanceof Error ? error.message : String(error)}`);
}

function reasonOf(code: number, status: KubeStatus): KubeErrorReason {
  switch (code) {
    case 400:
    case 422:
      return "Invalid";
    case 401:
    case 403:
      return "Forbidden";
    case 404:
      return "NotFound";
    case 408:
    case 504:
      return "Timeout";
    case 409:
      return status.reason === "AlreadyExists" ? "AlreadyExists" : "Conflict";
    case 410:
      return "Gone";
    case 412:
      return "Conflict";
    case 429:
      return "TooManyRequests";
    default:
      // A 500 may come after the store took the change (its answer timed out): it leaves that open as 503 does.
      return code >= 500 ? "Unavailable" : "Other";
  }
}
