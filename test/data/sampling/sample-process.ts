/** A process that samples: params from a file, all else below one folder. Tells of checkpoints and notices on stdout. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { downloadSample } from "../../../src/data/sampling/download-sample.ts";
import { downloadSampleParams } from "../../../src/data/sampling/sample-params.ts";
import { sampleDirectoriesIn } from "./sample-directories-in.ts";

const [paramsFile = "", root = ""] = process.argv.slice(2);
await downloadSample(downloadSampleParams.parse(JSON.parse(readFileSync(paramsFile, "utf8"))), {
  cacheDir: join(root, "downloads"),
  workDirectory: join(root, "work"),
  outputs: sampleDirectoriesIn(join(root, "out")),
  onNotice: (message) => console.log(message),
  onCheckpoint: () => console.log("checkpoint"),
});
