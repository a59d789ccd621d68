/** The user and the role that may do everything. */
export const ROOT = "root";

/** On whose behalf a request is made, and as of which revision of users and roles. As the header of an entry says it. */
export interface Caller {
  readonly username: string;
  /** 0 where nobody is named. */
  readonly authRevision: number;
}

/** Nobody was named. */
export const NOBODY: Caller = { username: "", authRevision: 0 };
