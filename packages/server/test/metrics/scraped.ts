const LINES_MAX = 20_000;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;

/** One metric family of a scrape. */
export interface ScrapedFamily {
  readonly type: string;
  /** Without `le`. Empty where there is no series. */
  readonly labels: readonly string[];
  readonly bounds: readonly string[];
}

/** What an exposition says, family by family and series by series. */
export class Scrape {
  readonly families: ReadonlyMap<string, ScrapedFamily>;
  readonly #values = new Map<string, number>();

  /** Throws on a line that is none of the text format's. */
  constructor(text: string) {
    const families = new Map<string, { type: string; labels: Set<string>; bounds: Set<string> }>();
    const lines = text.split("\n");
    if (lines.length > LINES_MAX) throw new Error("more lines than a server prints");
    for (const line of lines) {
      const declared = /^# TYPE (\S+) (\S+)$/.exec(line);
      if (declared !== null) {
        families.set(declared[1] ?? "", { type: declared[2] ?? "", labels: new Set(), bounds: new Set() });
      }
      if (line === "" || line.startsWith("#")) continue;
      const sample = SAMPLE.exec(line);
      if (sample === null) throw new Error(`not a sample: ${line}`);
      const [, name = "", labels = "", value = ""] = sample;
      this.#values.set(labels === "" ? name : `${name}{${labels}}`, Number(value.replace("Inf", "Infinity")));
      const family = families.get(name) ?? families.get(name.replace(/_(?:bucket|sum|count)$/, ""));
      if (family === undefined) throw new Error(`no type for ${line}`);
      for (const [, label = "", text = ""] of labels.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)) {
        if (label === "le") family.bounds.add(text);
        else if (label !== "quantile") family.labels.add(label);
      }
    }
    this.families = new Map(
      [...families].map(([name, { bounds, labels, type }]) => [
        name,
        { type, labels: [...labels].sort(), bounds: [...bounds] },
      ]),
    );
  }

  /** The value of a series as it is printed, `name{a="b"}`; 0 where there is none. */
  value(series: string): number {
    return this.#values.get(series) ?? 0;
  }

  /** The sum over all series of a name, of a histogram's `name_count` for one. */
  total(name: string): number {
    let total = 0;
    for (const [series, value] of this.#values) if (series === name || series.startsWith(`${name}{`)) total += value;
    return total;
  }
}

/** Asks a server for its metrics. */
export async function scrapeOf(url: string): Promise<Scrape> {
  const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(10_000) });
  return new Scrape(await response.text());
}
