/**
 * Takes files out of a wheel, which is a zip file (PEP 427); Python, which pip needs anyway, reads it. Paths that lead
 * out of the folder are refused, and so is more than was allowed for: both before anything is written.
 */
import { z } from "zod";
import { wayFailed, type InstallContext } from "../install-context.ts";
import { runTool } from "../run-tool.ts";

export interface Unpacking {
  readonly wheel: string;
  readonly folder: string;
  /** Regular expressions over whole paths in the wheel; a file is wanted where one of them matches. */
  readonly wanted: readonly string[];
  readonly maxBytes: number;
}

const TIMEOUT_MS = 10 * 60_000;

// Reading a member gives at most the size that the directory of the zip file states, and fails where its CRC differs.
const UNPACK = `
import json, os, re, shutil, sys, zipfile
asked = json.loads(sys.argv[1])
root = os.path.realpath(asked["folder"])
with zipfile.ZipFile(asked["wheel"]) as wheel:
    for info in wheel.infolist():
        name = info.filename
        parts = name.rstrip("/").split("/")
        if name.startswith("/") or "\\\\" in name or ":" in parts[0] or any(p in ("", ".", "..") for p in parts):
            sys.exit("error: the wheel names a path that leads out of it: " + ascii(name))
    members = [i for i in wheel.infolist() if not i.is_dir() and any(re.fullmatch(w, i.filename) for w in asked["wanted"])]
    total = sum(i.file_size for i in members)
    if total > asked["maxBytes"]:
        sys.exit("error: %d bytes would be unpacked, where %d are allowed" % (total, asked["maxBytes"]))
    for info in members:
        path = os.path.join(root, *info.filename.split("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with wheel.open(info) as source, open(path, "xb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        if (info.external_attr >> 16) & 0o111:
            os.chmod(path, 0o755)
    metadata = [i for i in wheel.infolist() if re.fullmatch(r"[^/]+\\.dist-info/METADATA", i.filename)]
    if len(metadata) != 1 or metadata[0].file_size > 4 << 20:
        sys.exit("error: the wheel has no METADATA")
    print(json.dumps({"bytes": total, "files": len(members), "metadata": wheel.read(metadata[0]).decode("utf8", "replace")}))
`;

const answerSchema = z.object({ bytes: z.number(), files: z.number(), metadata: z.string() });
export type Unpacked = z.output<typeof answerSchema>;

/** What was unpacked, and the wheel's METADATA. Throws `ENGINE_WAY_FAILED`, `ABORTED`. */
export async function unpackWheel(
  context: Pick<InstallContext, "signal">,
  unpacking: Unpacking,
): Promise<Unpacked> {
  const output = await runTool(context, "python3", ["-c", UNPACK, JSON.stringify(unpacking)], {
    timeoutMs: TIMEOUT_MS,
  });
  const answer = answerSchema.safeParse(JSON.parse(output));
  if (!answer.success) throw wayFailed(`unpacking ${unpacking.wheel} told nothing of what it did`);
  return answer.data;
}
