/** Running out of memory is the one failure of a running graph that a user can mend. */
import { EnvironmentError } from "../../lib/errors.ts";

/** TensorFlow's status 8 (RESOURCE_EXHAUSTED) and its allocators' words; V8's for typed arrays. */
const OUT_OF_MEMORY =
  /TF_Status: 8\b|\bOOM\b|resource.?exhausted|allocation failed|bad_alloc|Invalid typed array length/i;

/** What `cause` means to a user, or `cause` itself where it is a bug. */
export function explained(cause: unknown): unknown {
  const message = cause instanceof Error ? cause.message : String(cause);
  if (!OUT_OF_MEMORY.test(message)) return cause;
  const said = message.replaceAll(/\s+/g, " ").slice(0, 200);
  return new EnvironmentError(
    `engine tensorflow is out of memory: use a smaller train.micro_batch_size or model.seq_len (TensorFlow.js: ${said})`,
  );
}
