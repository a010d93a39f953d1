/**
 * Loads a freshly built binding in a process of its own and asks TensorFlow for its version: a library that
 * this machine cannot run (no AVX, a libc too old) shows here, before anything is installed.
 */
import { join } from "node:path";
import { z } from "zod";
import { BINDING_FILE } from "./engine-build.ts";
import { wayFailed, type InstallContext } from "./install-context.ts";
import { runTool } from "./run-tool.ts";

const PROBE = `console.log("\\n" + JSON.stringify({ tensorflow: require(process.argv[1]).TF_Version }))`;
const answerSchema = z.object({ tensorflow: z.string() });

/** TensorFlow's version. Throws `ENGINE_WAY_FAILED`, `ABORTED`. */
export async function probeBinding(context: InstallContext, target: string): Promise<string> {
  context.onProgress({ phase: "probe", message: "loading what was built" });
  const output = await runTool(context, process.execPath, ["-e", PROBE, join(target, BINDING_FILE)], {
    env: { TF_CPP_MIN_LOG_LEVEL: "2" },
    timeoutMs: 120_000,
  });
  const answer = answerSchema.safeParse(JSON.parse(output.slice(output.lastIndexOf("\n"))));
  if (!answer.success) throw wayFailed(`the built binding does not name its TensorFlow: ${output}`);
  return answer.data.tensorflow;
}
