/** A peer's URLs: the same one is used until it fails, then the next. Source: etcd rafthttp urlpick. */
export class PeerUrls {
  #urls: readonly string[];
  #picked = 0;

  /** At least one. */
  constructor(urls: readonly string[]) {
    this.#urls = urls;
  }

  get all(): readonly string[] {
    return this.#urls;
  }

  /** The URL to use; empty if the peer has none. */
  pick(): string {
    return this.#urls[this.#picked] ?? "";
  }

  /** `url` did not work; another caller may have found that out before. */
  failed(url: string): void {
    if (url === this.pick()) this.#picked = this.#urls.length === 0 ? 0 : (this.#picked + 1) % this.#urls.length;
  }

  update(urls: readonly string[]): void {
    this.#urls = urls;
    this.#picked = 0;
  }
}
