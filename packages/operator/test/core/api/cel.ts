import { type CelInput, CelScalar, celEnv, celFunc, celMethod, isCelError, parse, plan } from "@bufbuild/cel";

/** Answers of CEL rules as an API server gives them, with a CEL of somebody else's and Kubernetes' own functions added. */
export class CelRules {
  readonly #plans = new Map<string, (bindings: { self: CelInput; oldSelf: CelInput }) => unknown>();
  readonly #env = celEnv({
    variables: { self: CelScalar.DYN, oldSelf: CelScalar.DYN },
    funcs: [
      celFunc("quantity", [CelScalar.STRING], CelScalar.STRING, (text) => String(nanos(text))),
      celMethod("compareTo", CelScalar.STRING, [CelScalar.STRING], CelScalar.INT, function (other) {
        const difference = BigInt(this) - BigInt(other);
        return difference === 0n ? 0n : difference > 0n ? 1n : -1n;
      }),
    ],
  });

  /** Whether the rule is kept. An error in it counts as a refusal, as there. */
  keeps(cel: string, self: unknown, oldSelf: unknown): boolean {
    const answer = this.#planOf(cel)({ self: celValue(self), oldSelf: celValue(oldSelf) });
    if (isCelError(answer)) throw new Error(`${cel}: ${answer.message}`);
    if (typeof answer !== "boolean") throw new Error(`${cel} is ${String(answer)}, neither true nor false`);
    return answer;
  }

  #planOf(cel: string): (bindings: { self: CelInput; oldSelf: CelInput }) => unknown {
    const known = this.#plans.get(cel);
    if (known !== undefined) return known;
    const made = plan(this.#env, parse(cel)) as (bindings: { self: CelInput; oldSelf: CelInput }) => unknown;
    this.#plans.set(cel, made);
    return made;
  }
}

/** JSON as CEL sees it: whole numbers are integers. */
function celValue(json: unknown): CelInput {
  if (typeof json === "number") return BigInt(json);
  if (Array.isArray(json)) return json.map(celValue);
  if (typeof json !== "object" || json === null) return json as CelInput;
  return new Map(
    Object.entries(json)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, celValue(value)]),
  );
}

const EXPONENTS: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/** A quantity in exact billionths, unlike the operator's floating point. */
function nanos(quantity: string): bigint {
  const [, whole = "", fraction = "", suffix = ""] = /^([0-9]+)(?:\.([0-9]+))?(.*)$/.exec(quantity) ?? [];
  const mantissa = BigInt(whole + fraction.padEnd(9, "0"));
  if (BINARY.includes(suffix)) return mantissa * 1024n ** BigInt(BINARY.indexOf(suffix) + 1);
  const exponent = suffix === "" ? 0 : (EXPONENTS[suffix] ?? Number(suffix.slice(1)));
  return exponent >= 0 ? mantissa * 10n ** BigInt(exponent) : mantissa / 10n ** BigInt(-exponent);
}
