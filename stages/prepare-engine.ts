/** Before a run is planned: gives the machine native TensorFlow where it can have it, once. */
import { engineStatus } from "../src/engine/provision/engine-status.ts";
import { installEngine } from "../src/engine/provision/install-engine.ts";

export async function prepareEngine(report: (message: string) => void, signal: AbortSignal): Promise<void> {
  const { tensorflow } = await engineStatus();
  const forced = process.env["PIPELINE_ENGINE"] ?? "";
  if (tensorflow.state !== "absent" || forced !== "") return;
  report("installing native TensorFlow, once for this machine (PIPELINE_ENGINE=wasm goes without it)");
  const result = await installEngine({
    signal,
    onProgress: ({ message }) => report(message),
    onNotice: report,
  });
  if (result.kind === "tensorflow") return;
  for (const { way, reason, hint } of result.failed)
    report([`${way}: ${reason}`, hint ?? []].flat().join(" "));
  report("training on WebAssembly instead: everything works, several times slower");
}
