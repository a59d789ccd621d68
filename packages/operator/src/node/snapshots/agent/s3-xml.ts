// S3's answers are flat: names never nest in themselves, and no attribute matters. That is all that is read here.

/** Texts of all elements of a name, in order. */
export function xmlTexts(xml: string, name: string): string[] {
  return xmlElements(xml, name).map(unescape);
}

/** The text of the first element of a name; undefined if there is none. */
export function xmlText(xml: string, name: string): string | undefined {
  return xmlTexts(xml, name)[0];
}

/** Insides of all elements of a name, in order, as they are written. */
export function xmlElements(xml: string, name: string): string[] {
  const found: string[] = [];
  for (const [, inside = ""] of xml.matchAll(new RegExp(`<${name}(?:\\s[^>]*)?(?:/>|>([\\s\\S]*?)</${name}>)`, "g"))) {
    found.push(inside);
  }
  return found;
}

/** Text as it stands between tags. */
export function xmlEscape(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

const NAMED: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescape(text: string): string {
  return text.replace(/&(?:#x([0-9a-fA-F]+)|#([0-9]+)|([a-z]+));/g, (whole, hex, decimal, name) => {
    if (hex !== undefined) return codePoint(Number.parseInt(hex, 16), whole);
    if (decimal !== undefined) return codePoint(Number(decimal), whole);
    return NAMED[name] ?? whole;
  });
}

function codePoint(value: number, otherwise: string): string {
  return value <= 0x10_ff_ff ? String.fromCodePoint(value) : otherwise;
}
