/** The sections of a run's config: their zod schemas, and the types of what comes out once all defaults are filled in. */
import { z } from "zod";
import { type EngineName, engineNames } from "../backends/registry.ts";
import { type DataSpec, dataSchema, type SourceSpec, validationSourceSchema } from "../data/schema.ts";
import { type InitSelection, inits } from "../inits/index.ts";
import { ROLES, type Role } from "../inits/roles.ts";
import { withAliases } from "../lib/with-aliases.ts";
import { type RecomputeLevel, recomputeNames } from "../model/recompute.ts";
import type { ModelConfig } from "../model/schema.ts";
import { type NormSelection, norms } from "../norms/index.ts";
import type { OptimizerConfig } from "../optim/groups.ts";
import { type ScheduleName, schedules } from "../optim/index.ts";
import { type OptimizerStateName, optimizerStateNames } from "../optim/states.ts";
import { DEFAULT_PROBES, probes } from "../probes/index.ts";
import { type ProtocolSelection, protocols } from "../protocols/index.ts";
import { modelKeys, modelSection } from "./model-section.ts";
import { optimizerSection } from "./optimizer-section.ts";
import { type Selection, selection } from "./selection.ts";
import { type SlurmConfig, slurmSection } from "./slurm-section.ts";

const count = z.int().min(1);

const engineParams = z.strictObject({
  /** Default: as many as the engine finds best. */
  threads: z.int().min(1).max(1024).optional(),
});
const engineChoices = Object.fromEntries(
  (["auto", ...engineNames] as const).map((name) => [name, { params: engineParams }]),
) as Record<EngineName | "auto", { params: typeof engineParams }>;

const trainSection = z.strictObject({
  /** Optimizer steps; or `tokens`, of which the last step may go a little over. */
  steps: count.optional(),
  tokens: count.optional(),
  /** Sequences per optimizer step. */
  batch_size: count,
  /** Sequences per forward and backward pass; default: batch_size. */
  micro_batch_size: count.optional(),
  /** What the backward pass computes again instead of keeping it; auto: as little as makes the run fit its memory. */
  recompute: withAliases(z.enum([...recomputeNames, "auto"]), {
    light: "selective",
    block: "full",
  }).default("auto"),
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(1),
  /** The peak learning rate. */
  lr: z.number().positive(),
  optimizer: optimizerSection,
  /** The types its state is kept in. It changes numbers, so no machine chooses it: `hnorm plan` says what would fit. */
  optimizer_state: z.enum(optimizerStateNames).default("f32"),
  schedule: selection("schedule", schedules, "cosine"),
  /** Largest global L2 norm of the gradient; null: not clipped. */
  grad_clip: z.number().positive().describe("a number > 0 or null").nullable().default(1),
  /** Roles of parameters that weight decay spares, in every group of the optimizer. HybridNorm's dense runs decay norms but not embeddings. */
  no_decay: z.array(z.enum(ROLES)).default(["embedding"]),
  /** A run has diverged once its loss is not finite, or stays so far above its first for so long; null: only the former. */
  divergence: z
    .strictObject({
      above_initial: z.number().positive().default(1),
      patience: count.default(20),
      /** Ends a run that does not learn: its training loss must have been below this by that step. */
      must_fall: z
        .strictObject({
          below: z
            .union([z.number().positive(), z.literal("unigram")])
            .describe("a number of nats, or unigram: the loss of token frequencies"),
          by_step: count,
        })
        .describe("a mapping such as {below: unigram, by_step: 2000}")
        .optional(),
    })
    .describe("a mapping or null")
    .nullable()
    .prefault({}),
});

const SET_NAME = /^(?!validation$)[A-Za-z0-9][\w.-]{0,39}$/;

export const evalSet = z.strictObject({
  protocol: selection("protocol", protocols, "packed-v1"),
  /** Default: the corpus that is trained on. Of another one only the validation split is read. */
  source: validationSourceSchema.optional(),
  /** Default: eval.tokens. */
  tokens: count.optional(),
});

const evalSection = z.strictObject({
  /** Steps between evaluations; null: only after the last step, where there always is one. */
  every: count.describe("a whole number >= 1 or null").nullable().default(null),
  /** Validation tokens. */
  tokens: count.default(131072),
  /** Sequences per pass; default: train.micro_batch_size. */
  batch_size: count.optional(),
  /** METRIC of the corpus's own validation split or SET/METRIC; absent: its loss. It decides nothing of what a run computes. */
  rank_by: z.string().min(1).describe("METRIC, or SET/METRIC of eval.sets").optional(),
  /** What else to evaluate on, by the name it has in eval.csv. */
  sets: z
    .record(z.string(), evalSet)
    .superRefine((sets, ctx) => {
      const message =
        "expected a name of letters, digits, dots, dashes and underscores, other than validation";
      for (const name of Object.keys(sets).filter((text) => !SET_NAME.test(text)))
        ctx.addIssue({ code: "custom", path: [name], message });
    })
    .describe("a mapping of names to evaluation sets")
    .optional(),
});

const logSection = z.strictObject({
  /** Steps between rows of metrics.csv. */
  every: count.default(1),
  /** Steps between rows of the probes' tables, which steps 1, 100 and the last always get. */
  grad_norms_every: count.default(50),
  /** What is measured on the way, where the model has it; each may have an `every` of its own. */
  probes: z
    .array(selection("probe", probes))
    .superRefine((list, ctx) => {
      for (const [i, { name }] of list.entries())
        if (list.findIndex((other) => other.name === name) < i)
          ctx.addIssue({ code: "custom", path: [i], message: `${name} is listed twice` });
    })
    .describe("a list of probes")
    .prefault([...DEFAULT_PROBES]),
});

const checkpointSection = z.strictObject({
  /** Steps between checkpoints; null: by the clock alone. */
  every: count.describe("a whole number >= 1 or null").nullable().default(null),
  /** Minutes between checkpoints; null: by steps alone. A run that is stopped always saves. */
  minutes: z.number().positive().describe("a number > 0 or null").nullable().default(10),
  /** How many of the newest are kept. */
  keep: count.default(2),
});

/** In the order in which they are shown. */
export const sections = {
  engine: selection("engine", engineChoices, "auto"),
  norm: selection("norm", norms),
  model: modelSection,
  /** Its default is that of the norm strategy's source: see resolve. */
  init: selection("init", inits),
  data: dataSchema,
  train: trainSection,
  eval: evalSection.prefault({}),
  log: logSection.prefault({}),
  checkpoint: checkpointSection.prefault({}),
  /** Absent where the file does not speak of it. */
  slurm: slurmSection,
} as const;

export type SectionName = keyof typeof sections;
export const sectionNames = Object.keys(sections) as readonly SectionName[];

/** Keys beside the sections: they say what the file is, what it sweeps and what is expected of that. */
export const FILE_KEYS = ["name", "description", "extends", "sweep", "expect"] as const;

/** Keys whose value is itself a list: on the command line a list sets them, where it would sweep any other. */
export const isListKey = (key: string): boolean =>
  /^(train\.no_decay|train\.optimizer\.\d+\.(roles|params)|log\.probes|slurm\.(setup|extra))$/.test(key);

/** `section.key` by `key`, to help who wrote a key in the wrong place. */
export const homeOfKey: ReadonlyMap<string, string> = new Map(
  Object.entries({
    train: Object.keys(trainSection.shape),
    eval: Object.keys(evalSection.shape),
    log: Object.keys(logSection.shape),
    model: modelKeys,
  }).flatMap(([section, keys]) => keys.map((key) => [key, `${section}.${key}`] as const)),
);

/** The sizes that must fit each other, to be checked even where the rest of the section has mistakes. */
export const trainSizes = trainSection
  .pick({ steps: true, tokens: true, batch_size: true, micro_batch_size: true })
  .partial()
  .strip();

export type TrainSizes = z.output<typeof trainSizes>;
export type TrainSection = z.output<typeof trainSection>;
export type EvalSection = z.output<typeof evalSection>;

export interface EngineSelection {
  readonly name: EngineName | "auto";
  readonly threads?: number | undefined;
}
export type ScheduleSelection = Selection<ScheduleName>;

export interface TrainConfig {
  readonly steps: number;
  /** What the steps amount to: steps times batch_size times seq_len. */
  readonly tokens: number;
  readonly batch_size: number;
  readonly micro_batch_size: number;
  readonly recompute: RecomputeLevel | "auto";
  readonly seed: number;
  readonly lr: number;
  readonly optimizer: OptimizerConfig;
  readonly optimizer_state: OptimizerStateName;
  readonly schedule: ScheduleSelection;
  readonly grad_clip: number | null;
  readonly no_decay: readonly Role[];
  readonly divergence: {
    readonly above_initial: number;
    readonly patience: number;
    readonly must_fall?: { readonly below: number | "unigram"; readonly by_step: number } | undefined;
  } | null;
}

export interface EvalConfig {
  readonly every: number | null;
  readonly tokens: number;
  readonly batch_size: number;
  readonly rank_by?: string | undefined;
  readonly sets?: Readonly<Record<string, EvalSet>>;
}

/** Another validation set, or another protocol on the corpus's own. */
export interface EvalSet {
  readonly protocol: ProtocolSelection;
  readonly source?: SourceSpec | undefined;
  readonly tokens: number;
}

export type LogConfig = Readonly<z.output<typeof logSection>>;
export type CheckpointConfig = Readonly<z.output<typeof checkpointSection>>;

/** One run, entirely decided and frozen. */
export interface RunConfig {
  readonly engine: EngineSelection;
  readonly norm: NormSelection;
  readonly model: ModelConfig;
  readonly init: InitSelection;
  readonly data: DataSpec;
  readonly train: TrainConfig;
  readonly eval: EvalConfig;
  readonly log: LogConfig;
  readonly checkpoint: CheckpointConfig;
  readonly slurm?: SlurmConfig;
}

/** What `step` and `explain` need of it. */
export type ModelRunConfig = Pick<RunConfig, "engine" | "norm" | "model" | "init">;
