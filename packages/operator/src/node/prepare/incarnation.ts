import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

/** What a member's volume says of itself, beside the server's data. */
export class VolumeMarks {
  readonly #volume: string;

  constructor(volume: string) {
    this.#volume = volume;
  }

  /** Where the server's data is. */
  get dataDirectory(): string {
    return join(this.#volume, "data");
  }

  /** UID of the EtcdMember that the volume was first started for; undefined: of none yet. */
  get incarnation(): string | undefined {
    return this.#read("incarnation");
  }

  set incarnation(uid: string) {
    this.#write("incarnation", uid);
  }

  /** The last recovery that a server was started here as a cluster of one for; 0: none. */
  get recoveryEpoch(): number {
    return Number(this.#read("recovery-epoch") ?? 0);
  }

  set recoveryEpoch(epoch: number) {
    this.#write("recovery-epoch", String(epoch));
  }

  /** Whether the server has left anything here. */
  get hasData(): boolean {
    return existsSync(this.dataDirectory) && readdirSync(this.dataDirectory).length > 0;
  }

  #read(name: string): string | undefined {
    const path = join(this.#volume, name);
    const text = existsSync(path) ? readFileSync(path, "utf8").trim() : "";
    return text === "" ? undefined : text;
  }

  /** Whole or not at all, and on the disk when it returns. */
  #write(name: string, text: string): void {
    const path = join(this.#volume, name);
    writeFileSync(`${path}.new`, `${text}\n`, { flush: true });
    renameSync(`${path}.new`, path);
    const directory = openSync(this.#volume, "r");
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
  }
}
