import { z } from "zod";
import { artifact, anyOf, definePipeline, defineStage, type RefOf } from "../../src/pipeline/index.ts";
const io = <V>() => ({
  formatVersion: 1,
  open: (_d: string): Promise<V> => Promise.reject(new Error("x")),
  create: (_d: string) => Promise.resolve({ save: (_v: V) => Promise.resolve() }),
  validate: () => Promise.resolve(),
});
const Corpus = artifact({ kind: "corpus", ...io<{ bytes: number }>() });
const Chat = artifact({ kind: "chat", ...io<{ bytes: number }>() });
const Base = artifact({ kind: "checkpoint/base", ...io<{ step: number }>() });
const Sft = artifact({ kind: "checkpoint/sft", ...io<{ step: number }>() });
const AnyCk = anyOf(Base, Sft);
const down = defineStage({
  name: "down",
  description: "",
  inputs: {},
  outputs: { corpus: Corpus, chat: Chat },
  params: z.strictObject({ n: z.int().default(1) }),
  runtimeParams: ["n"],
  async run({ outputs, params }) {
    const w = await outputs.corpus.create();
    await w.save({ bytes: params.n });
    return { corpus: outputs.corpus.written(), chat: outputs.chat.written({}) };
  },
});
const pre = defineStage({
  name: "pre",
  description: "",
  inputs: { corpus: Corpus },
  outputs: { ck: Base },
  params: z.strictObject({}),
  async run({ inputs, outputs }) {
    const b: number = inputs.corpus.bytes;
    return { ck: outputs.ck.written({ b }) };
  },
});
const sft = defineStage({
  name: "sft",
  description: "",
  inputs: { base: Base, chat: Chat },
  outputs: { ck: Sft },
  params: z.strictObject({}),
  async run({ outputs }) {
    return { ck: outputs.ck.written() };
  },
});
const ev = defineStage({
  name: "ev",
  description: "",
  inputs: { m: AnyCk },
  outputs: {},
  params: z.strictObject({}),
  async run({ inputs }) {
    const s: number = inputs.m.step;
    void s;
    return {};
  },
});
export default definePipeline("p", z.strictObject({ down: down.params }), (p, c) => {
  const { corpus, chat } = p.add(down, { inputs: {}, params: c.down });
  const { ck } = p.add(pre, { inputs: { corpus }, params: {} });
  // @ts-expect-error wrong kind
  p.add(pre, { id: "x", inputs: { corpus: chat }, params: {} });
  const s = p.add(sft, { inputs: { base: ck, chat }, params: {} });
  // @ts-expect-error
  p.add(sft, { inputs: { base: s.ck, chat }, params: {} });
  const f = (m: RefOf<typeof AnyCk>) => p.add(ev, { inputs: { m }, params: {} });
  f(ck);
  f(s.ck);
  // @ts-expect-error
  p.add(ev, { inputs: { m: corpus }, params: {} });
  // @ts-expect-error
  p.add(pre, { inputs: { corpus }, params: { q: 1 } });
  // @ts-expect-error
  p.add(down, { inputs: {}, params: { n: "1" } });
  // @ts-expect-error
  p.add(pre, { inputs: {}, params: {} });
  // @ts-expect-error
  p.add(pre, { inputs: { corpus, chat }, params: {} });
  // @ts-expect-error
  p.add(pre, { inputs: { corpus: { stageId: "a", output: "b" } }, params: {} });
  return { corpus };
});
// @ts-expect-error
defineStage({
  name: "bad",
  description: "",
  inputs: {},
  outputs: { corpus: Corpus },
  params: z.strictObject({}),
  async run() {
    return {};
  },
});
