/** What a parameter does in the model. Config lists select by role (`no_decay`, optimizer groups); init schemes draw by it. */

/** Matrices, whose first values the init scheme draws. */
export const MATRIX_ROLES = [
  "embedding",
  "head",
  "q",
  "k",
  "v",
  "o",
  "gate",
  "up",
  "down",
  "router",
] as const;

/** Learned vectors and scalars: whoever declares one says its first value. */
export const VECTOR_ROLES = [
  /** A norm's gain g. */
  "norm",
  /** A gain stored as its distance from 1, so that weight decay draws it to 1. */
  "norm_offset",
  /** A vector that a norm adds. */
  "norm_bias",
  /** A number inside a norm function, such as DyT's a. */
  "norm_scale",
  /** A factor on a residual or on a branch. */
  "residual_scale",
] as const;

export const ROLES = [...MATRIX_ROLES, ...VECTOR_ROLES] as const;

export type MatrixRole = (typeof MATRIX_ROLES)[number];
export type VectorRole = (typeof VECTOR_ROLES)[number];
export type Role = (typeof ROLES)[number];
