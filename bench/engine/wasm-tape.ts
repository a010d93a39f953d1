/** The training step on wasm, one process, against the same model as one writes it with tfjs and its tape, in turn. */
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { z } from "zod";
import { Bars } from "../bars.ts";
import { median, row, type Benchmark } from "../row.ts";

/** hidden layers vocab context batch heads kv intermediate */
const sizes = [128, 4, 4096, 128, 8, 4, 4, 352];
const rounds = 5;
/** The first three and two of a process do not count. */
const steps = { ours: 10, peer: 5 };
const leastSpeed = 3;
/** In nats; and of the gradient's norm, relatively. */
const tolerance = 1e-3;

const Side = z.object({
  system: z.string(),
  parameters: z.int(),
  tokensPerSecond: z.number(),
  firstLoss: z.number(),
  firstGradientNorm: z.number(),
});
type Side = z.infer<typeof Side>;

export const wasmTape: Benchmark = {
  name: "wasm-tape",
  description:
    "the training step on wasm against tfjs with its tape, as one writes it and with the transposes that wasm likes",
  bar: `×${leastSpeed} of tfjs as one writes it; the same first loss and gradient norm within ${tolerance}`,
  async run(report) {
    const held = new Bars();
    const [ours, naive, transposed]: [Side[], Side[], Side[]] = [[], [], []];
    for (let round = 0; round < rounds; round++) {
      const our = await measure("train-steps.mjs", steps.ours);
      ours.push(our);
      for (const [flag, sides] of [naive, transposed].entries()) {
        const peer = await measure("peers/tfjs-tape.mjs", steps.peer, flag);
        checkSameComputation(our, peer);
        sides.push(peer);
      }
    }
    const compare = (theirs: readonly Side[]): number => {
      const measured = row({
        bench: "wasm-tape",
        job: `${sizes.join(" ")} (${ours[0]?.parameters} parameters), ${ours[0]?.system}`,
        value: medianSpeed(ours),
        unit: "tokens/s",
        peer: theirs[0]?.system ?? "tfjs",
        peerValue: medianSpeed(theirs),
        note: `first losses ${[ours, theirs].map(([side]) => side?.firstLoss.toFixed(6)).join(" and ")}`,
      });
      report(measured);
      return measured.ratio ?? 0;
    };
    held.require(compare(naive) >= leastSpeed, `×${leastSpeed} of tfjs with its tape`);
    compare(transposed);
    held.check();
  },
};

const medianSpeed = (sides: readonly Side[]): number =>
  median(sides.map(({ tokensPerSecond }) => tokensPerSecond));

async function measure(script: string, ...more: readonly number[]): Promise<Side> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const { stdout } = await execa(process.execPath, [path, ...[...sizes, ...more].map(String)], {
    env: { PIPELINE_ENGINE: "wasm" },
  });
  return Side.parse(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? ""));
}

/** Throws where a peer computes another loss or gradient than ours from the same weights and batch. */
function checkSameComputation(ours: Side, peer: Side): void {
  const check = (what: string, our: number, their: number, most: number) => {
    if (!(Math.abs(our - their) <= most))
      throw new Error(`${what} differ: ${our} on ${ours.system}, ${their} on ${peer.system}`);
  };
  check("numbers of parameters", ours.parameters, peer.parameters, 0);
  check("first losses", ours.firstLoss, peer.firstLoss, tolerance);
  const norm = ours.firstGradientNorm;
  check("first gradient norms", norm, peer.firstGradientNorm, tolerance * norm);
}
