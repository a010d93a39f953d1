/**
 * The interpreter's peer: the same Llama as one writes it with tfjs alone, on its wasm backend, its gradients by tfjs's tape. The
 * counterpart of train-steps.ts, with its first nine arguments, its weights and its batches, and a tenth, `transposed` (1)
 * as in tfjs-wasm.ts. Adam without clipping and decay. A process of its own; prints one JSON line.
 *
 * tfjs asks for two departures: wasm has no UnsortedSegmentSum, which `tf.gather` needs for its gradient and which is registered
 * by scatterND (the embedding as a product with one-hot rows is slower); and linear layers take (N, in), because the
 * gradient of (B, T, in) × (in, out) throws. Their weights are stored (in, out), which tfjs multiplies fastest.
 *
 * Shape letters as in src/model/llama.ts.
 */
import * as tf from "@tensorflow/tfjs";
import { headDim } from "../../src/model/llama-config.ts";
import { initialWeights } from "../initial-weights.ts";
import { jobSizes } from "../job-sizes.ts";
import { randomBatches } from "../random-batches.ts";
import { median } from "../row.ts";
import { openTfjsWasm } from "./tfjs-wasm.ts";

const warmupSteps = 2;

const { model: config, microBatchSize: batch, more } = jobSizes(process.argv.slice(2).map(Number));
const [steps = 5, transposed = 0] = more;
const { contextLength: time, hiddenSize, numHeads, numKvHeads, numLayers, vocabSize } = config;
if (numKvHeads !== numHeads) throw new Error("written without grouped queries");
const dim = headDim(config);

const productWithTransposed = await openTfjsWasm(transposed === 1);

const variables = new Map<string, tf.Variable>();
for (const [name, { shape, data }] of initialWeights(config)) {
  const stored = tf.tensor(data, [...shape]);
  const isLinear = shape.length === 2 && name !== "model.embed_tokens.weight";
  variables.set(name, tf.variable(isLinear ? tf.transpose(stored) : stored, true, name));
}
const weight = (name: string): tf.Variable => {
  const variable = variables.get(`model.${name}.weight`);
  if (variable === undefined) throw new Error(`no weight ${name}`);
  return variable;
};

const angles = Array.from({ length: time }, (_, t) =>
  Array.from({ length: dim }, (__, i) => t * config.ropeTheta ** (-(i % (dim / 2)) / (dim / 2))),
);
const cos = tf.cos(tf.tensor2d(angles)); // (T, D)
const sin = tf.sin(tf.tensor2d(angles));
const mask = tf.tensor2d(
  Array.from({ length: time }, (_, query) =>
    Array.from({ length: time }, (__, key) => (key <= query ? 0 : -1e9)),
  ),
); // (T, T)

const rmsNorm = (x: tf.Tensor, gain: tf.Tensor): tf.Tensor =>
  tf.mul(tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), config.rmsNormEpsilon))), gain);

/** x·cos + (−b, a)·sin for the halves (a, b) of x (B, H, T, D). */
function rotate(x: tf.Tensor): tf.Tensor {
  const [a, b] = tf.split(x, 2, -1);
  if (a === undefined || b === undefined) throw new Error("no halves");
  return tf.add(tf.mul(x, cos), tf.mul(tf.concat([tf.neg(b), a], -1), sin));
}

/** (N, C) → (B, H, T, D) */
const heads = (x: tf.Tensor): tf.Tensor =>
  tf.transpose(tf.reshape(x, [batch, time, numHeads, dim]), [0, 2, 1, 3]);

function attention(x: tf.Tensor, layer: string): tf.Tensor {
  const project = (name: string) => heads(tf.matMul(x, weight(`${layer}.self_attn.${name}`)));
  const [queries, keys, values] = [rotate(project("q_proj")), rotate(project("k_proj")), project("v_proj")];
  const scores = tf.div(productWithTransposed(queries, keys), Math.sqrt(dim)); // (B, H, T, T)
  const mixed = tf.matMul(tf.softmax(tf.add(scores, mask)), values); // (B, H, T, D)
  const merged = tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch * time, hiddenSize]); // (N, C)
  return tf.matMul(merged, weight(`${layer}.self_attn.o_proj`));
}

function feedForward(x: tf.Tensor, layer: string): tf.Tensor {
  const gate = tf.matMul(x, weight(`${layer}.mlp.gate_proj`)); // (N, F)
  const up = tf.matMul(x, weight(`${layer}.mlp.up_proj`)); // (N, F)
  return tf.matMul(tf.mul(tf.mul(gate, tf.sigmoid(gate)), up), weight(`${layer}.mlp.down_proj`));
}

/** Mean cross-entropy in nats of targets int32 (N) after inputs int32 (N). */
function lossOf(inputs: tf.Tensor1D, targets: tf.Tensor1D): tf.Scalar {
  const embedding = weight("embed_tokens");
  let x: tf.Tensor = tf.gather(embedding, inputs); // (N, C)
  for (let index = 0; index < numLayers; index++) {
    const layer = `layers.${index}`;
    x = tf.add(x, attention(rmsNorm(x, weight(`${layer}.input_layernorm`)), layer));
    x = tf.add(x, feedForward(rmsNorm(x, weight(`${layer}.post_attention_layernorm`)), layer));
  }
  const logits = productWithTransposed(rmsNorm(x, weight("norm")), embedding); // (N, V)
  return tf.losses.softmaxCrossEntropy(tf.oneHot(targets, vocabSize), logits);
}

const nextBatch = randomBatches(config, batch);
const optimizer = tf.train.adam(1e-3, 0.9, 0.95, 1e-8);
const times: number[] = [];
const first = { loss: NaN, gradientNorm: NaN };
for (let step = 1; step <= steps; step++) {
  const { inputs, targets } = nextBatch();
  const start = performance.now();
  const loss = tf.tidy(() => {
    const [ids, labels] = [tf.tensor1d(inputs.data, "int32"), tf.tensor1d(targets.data, "int32")];
    const { value, grads } = tf.variableGrads(() => lossOf(ids, labels));
    if (step === 1) first.gradientNorm = globalNorm(Object.values(grads));
    optimizer.applyGradients(Object.entries(grads).map(([name, tensor]) => ({ name, tensor })));
    return value;
  });
  const [value = NaN] = await loss.data();
  loss.dispose();
  times.push(performance.now() - start);
  if (step === 1) first.loss = value;
}

function globalNorm(gradients: readonly tf.Tensor[]): number {
  const squares = gradients.map((gradient) => tf.sum(tf.square(gradient)).dataSync()[0] ?? NaN);
  return Math.sqrt(squares.reduce((total, square) => total + square, 0));
}

const stepMs = median(times.slice(warmupSteps));
console.log(
  JSON.stringify({
    system: `tfjs ${tf.version_core} wasm with its tape${transposed === 1 ? ", transposes in memory" : ""}`,
    parameters: [...variables.values()].reduce((total, { size }) => total + size, 0),
    tokensPerSecond: (batch * time * 1000) / stepMs,
    stepMs,
    firstLoss: first.loss,
    firstGradientNorm: first.gradientNorm,
  }),
);
