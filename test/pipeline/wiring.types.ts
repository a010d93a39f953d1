/**
 * Fourteen mistakes that must not compile, and the wirings beside them that must. Checked by `tsc`, never run:
 * an `@ts-expect-error` above a line that compiles is itself an error.
 */
import { z } from "zod";
import { anyOf, artifact, definePipeline, defineStage, type RefOf } from "../../src/pipeline/index.ts";

const format = <Value>() => ({
  formatVersion: 1,
  open: (_directory: string): Promise<Value> => Promise.reject(new Error("never opened")),
  create: (_directory: string) => Promise.resolve({ save: (_value: Value) => Promise.resolve() }),
  validate: () => Promise.resolve(),
});

// Corpus and chat are opened as the same type of value: only their kinds tell them apart.
const Corpus = artifact({ kind: "corpus", ...format<{ bytes: number }>() });
const Chat = artifact({ kind: "chat", ...format<{ bytes: number }>() });
const BaseCheckpoint = artifact({ kind: "checkpoint/base", ...format<{ step: number }>() });
const SftCheckpoint = artifact({ kind: "checkpoint/sft", ...format<{ step: number }>() });
const AnyCheckpoint = anyOf(BaseCheckpoint, SftCheckpoint);

const download = defineStage({
  name: "download",
  description: "Writes two outputs.",
  inputs: {},
  outputs: { corpus: Corpus, chat: Chat },
  params: z.strictObject({ documents: z.int().default(1) }),
  runtimeParams: ["documents"],
  async run({ outputs, params }) {
    const writer = await outputs.corpus.create();
    await writer.save({ bytes: params.documents });
    return { corpus: outputs.corpus.written(), chat: outputs.chat.written({}) };
  },
});

const pretrain = defineStage({
  name: "pretrain",
  description: "Reads an input as its type opens it.",
  inputs: { corpus: Corpus },
  outputs: { checkpoint: BaseCheckpoint },
  params: z.strictObject({}),
  run({ inputs, outputs }) {
    const bytes: number = inputs.corpus.bytes;
    return Promise.resolve({ checkpoint: outputs.checkpoint.written({ bytes }) });
  },
});

const sft = defineStage({
  name: "sft",
  description: "Reads two inputs.",
  inputs: { base: BaseCheckpoint, chat: Chat },
  outputs: { checkpoint: SftCheckpoint },
  params: z.strictObject({}),
  run: ({ outputs }) => Promise.resolve({ checkpoint: outputs.checkpoint.written() }),
});

const evaluate = defineStage({
  name: "evaluate",
  description: "Reads any checkpoint.",
  inputs: { model: AnyCheckpoint },
  outputs: {},
  params: z.strictObject({}),
  run({ inputs }) {
    const step: number = inputs.model.step;
    return Promise.resolve(step > 0 ? {} : {});
  },
});

definePipeline("right", z.strictObject({ download: download.params }), (p, config) => {
  const { corpus, chat } = p.add(download, { inputs: {}, params: config.download });
  const { checkpoint: base } = p.add(pretrain, { inputs: { corpus }, params: {} });
  const { checkpoint: tuned } = p.add(sft, { inputs: { base, chat }, params: {} });
  const evaluateOne = (id: string, model: RefOf<typeof AnyCheckpoint>) =>
    p.add(evaluate, { id, inputs: { model }, params: {} });
  evaluateOne("evaluate-base", base);
  evaluateOne("evaluate-tuned", tuned);
  return { tuned };
});

definePipeline("variants", z.strictObject({}), (p) => {
  const runs = p.matrix({ documents: [1, 2], order: ["up", "down"] }, (q, { documents, order }) => {
    const literal: "up" | "down" = order;
    const { corpus } = q.add(download, { inputs: {}, params: { documents } });
    return { corpus, literal };
  });
  const documents: readonly (1 | 2)[] = runs.map(({ variant }) => variant.documents);
  // @ts-expect-error 13: an axis that the matrix does not have
  const seeds: keyof (typeof runs)[number]["variant"] = "seed";
  // @ts-expect-error 14: the value of an axis where a param of another type is wanted
  p.matrix({ documents: ["1"] }, (q, variant) => q.add(download, { inputs: {}, params: variant }));
  const results = runs.map(({ result }) => result.corpus);
  return [documents, seeds].length > 2 ? {} : Object.fromEntries(results.map((ref) => [ref.stageId, ref]));
});

// @ts-expect-error 1: a pipeline's outputs are refs (its last line)
definePipeline("wrong", z.strictObject({}), (p) => {
  const { corpus, chat } = p.add(download, { inputs: {}, params: {} });
  const { checkpoint: base } = p.add(pretrain, { inputs: { corpus }, params: {} });
  const { checkpoint: tuned } = p.add(sft, { inputs: { base, chat }, params: {} });

  // @ts-expect-error 2: the chat corpus where the corpus is wanted
  p.add(pretrain, { inputs: { corpus: chat }, params: {} });

  // @ts-expect-error 3: a tuned checkpoint where a base checkpoint is wanted
  p.add(sft, { inputs: { base: tuned, chat }, params: {} });

  // @ts-expect-error 4: any checkpoint is wanted, and a corpus is none
  p.add(evaluate, { inputs: { model: corpus }, params: {} });

  // @ts-expect-error 5: a missing input
  p.add(sft, { inputs: { base }, params: {} });

  // @ts-expect-error 6: an input that the stage does not have
  p.add(pretrain, { inputs: { corpus, chat }, params: {} });

  // @ts-expect-error 7: a misspelt param
  p.add(download, { inputs: {}, params: { document: 1 } });

  // @ts-expect-error 8: a param of the wrong type
  p.add(download, { inputs: {}, params: { documents: "1" } });

  // @ts-expect-error 9: an object that looks like a ref
  p.add(pretrain, { inputs: { corpus: { stageId: "download", output: "corpus" } }, params: {} });

  return { corpus: 1 };
});

defineStage({
  name: "forgetful",
  description: "Declares an output and does not return it.",
  inputs: {},
  outputs: { corpus: Corpus },
  params: z.strictObject({}),
  // @ts-expect-error 10: every declared output is returned
  run: () => Promise.resolve({}),
});

defineStage({
  name: "curious",
  description: "Uses what it does not declare.",
  inputs: { corpus: Corpus },
  outputs: {},
  params: z.strictObject({ documents: z.int() }),
  run({ inputs, params }) {
    // @ts-expect-error 11: an undeclared input
    const tokenizer: unknown = inputs.tokenizer;
    // @ts-expect-error 12: an undeclared param
    const document: unknown = params.document;
    return Promise.resolve([tokenizer, document].length > 0 ? {} : {});
  },
});
