/**
 * How much of a validation split was trained on: its documents that also stand, word for word, in the training split.
 * Names and links say nothing of that, so the texts are compared, by their hashes.
 */
import { UserError } from "../lib/errors.ts";
import { sha256 } from "../lib/hash.ts";

export interface OverlapCounter {
  /** Takes a document of the validation split; all of them come first. */
  readonly validation: (document: string | Uint8Array) => void;
  readonly train: (document: string | Uint8Array) => void;
  /** Validation documents that were met in training. */
  contained(): number;
}

export function overlapCounter(): OverlapCounter {
  const lengths = new Set<number>(); // most training documents are told apart by it, and need no hash
  const waiting = new Map<string, number>();
  let contained = 0;
  return {
    validation(text) {
      if (text === "") return;
      lengths.add(text.length);
      const hash = sha256(text);
      waiting.set(hash, (waiting.get(hash) ?? 0) + 1);
    },
    train(text) {
      if (!lengths.has(text.length)) return;
      const hash = sha256(text);
      contained += waiting.get(hash) ?? 0;
      waiting.delete(hash);
    },
    contained: () => contained,
  };
}

/** Refuses a validation split that was trained on as a whole, and tells of one that was in part. */
export function requireHeldOut(contained: number, documents: number, tell: (message: string) => void): void {
  if (contained === 0) return;
  const which = `${contained} of the ${documents} validation documents`;
  if (contained === documents)
    throw new UserError(
      `data.source: ${which} stand in the training split word for word; a model would be judged by what it was trained on`,
    );
  const share = ((100 * contained) / documents).toPrecision(2);
  tell(`${which} (${share} %) stand in the training split word for word`);
}
