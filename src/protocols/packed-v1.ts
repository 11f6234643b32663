/** Documents packed into windows of T tokens, every predicted token weighted alike: the loss is their mean. */
import { z } from "zod";
import { LIKELIHOOD, likelihood } from "./likelihood.ts";
import { defineProtocol } from "./protocol.ts";

export const packedV1 = defineProtocol({
  summary: "documents packed into windows of seq_len, every token weighted alike",
  params: z.strictObject({}),
  metrics: LIKELIHOOD,
  slice(corpus, { seqLen, maxTokens }) {
    const { windows, window, tokens, utf8Bytes, sha256 } = corpus.validation(seqLen, maxTokens);
    return {
      seqLen,
      rows: windows,
      row: window,
      tokens,
      utf8Bytes,
      sha256,
      groupRows: windows,
      scoreGroups(groups) {
        const nats = groups.reduce((sum, group) => sum + group.nats, 0);
        return likelihood(nats / tokens, nats, utf8Bytes);
      },
    };
  },
});
