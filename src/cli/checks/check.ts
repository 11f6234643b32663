/** A check of the machine, as `hnorm doctor` makes them. */

/** What a check found; `fix` where something should be done about it, `facts` for `--json`. */
export interface Finding {
  readonly ok: boolean;
  readonly detail: string;
  readonly fix?: string;
  readonly facts?: Readonly<Record<string, unknown>>;
}

export interface Check {
  readonly name: string;
  /** Never takes longer than some seconds, and never throws. */
  run(): Finding | Promise<Finding>;
}
