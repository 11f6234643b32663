/** Documents packed into windows of T tokens, every predicted token weighted alike: the loss is their mean. */
import { z } from "zod";
import { defineProtocol } from "./protocol.ts";

export const packedV1 = defineProtocol({
  summary: "documents packed into windows of seq_len, every token weighted alike",
  params: z.strictObject({}),
  slice(corpus, { seqLen, maxTokens }) {
    const { windows, window, tokens, utf8Bytes, sha256 } = corpus.validation(seqLen, maxTokens);
    return {
      ...{ seqLen, rows: windows, row: window, groupRows: windows, tokens, utf8Bytes, sha256 },
      loss: (groups) => groups.reduce((sum, { nats }) => sum + nats, 0) / tokens,
    };
  },
});
