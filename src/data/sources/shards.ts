/**
 * Ids that are ready: a folder that `hnorm data prepare` made, or bare pairs of Megatron's `.bin` and `.idx`, one per
 * split, which need a tokenizer beside them to mean something. Read from disk as they are asked for.
 */
import { z } from "zod";
import { UserError } from "../../lib/errors.ts";
import { findPrepared } from "../shards/find.ts";
import { openFolder, openPairs } from "../shards/open.ts";
import { defineSource, type PreparedSource } from "../source.ts";

export const shards = defineSource({
  summary: "token shards: a folder made by `hnorm data prepare`, or Megatron .bin/.idx pairs",
  yields: "prepared",
  params: z.strictObject({
    /** The folder; or the training split's pair, without its ending. */
    path: z.string().min(1),
    /** For bare pairs: the validation split's. */
    validation: z.string().min(1).optional(),
  }),
  requireFiles({ path, validation }, ctx) {
    findPrepared(path, "data.source.path", ctx);
    if (validation !== undefined) findPrepared(validation, "data.source.validation", ctx);
  },
  async open({ path, validation }, ctx): Promise<PreparedSource> {
    const found = findPrepared(path, "data.source.path", ctx);
    if (found.kind === "folder") {
      if (validation !== undefined)
        throw new UserError(
          "data.source.validation: the folder has its own validation split; leave the key out",
        );
      return openFolder(found.path, path);
    }
    if (validation === undefined)
      throw new UserError(
        `data.source.validation: missing; ${path} is a bare pair, so name another one for the validation split`,
      );
    const other = findPrepared(validation, "data.source.validation", ctx);
    if (other.kind === "folder" || other.path === found.path)
      throw new UserError(
        `data.source.validation: expected another pair of .bin and .idx, got ${other.kind === "folder" ? "a folder" : "the same"}`,
      );
    return openPairs({ train: found.path, validation: other.path }, { train: path, validation });
  },
});
