/** The Python of the peers: `python3`, or what the environment variable PYTHON names. Nothing is installed here. */
import { execa } from "execa";

export const python = process.env["PYTHON"] ?? "python3";

/** Undefined where every module can be imported, else what is missing and how to get it. */
export async function missingModules(modules: readonly string[]): Promise<string | undefined> {
  const script =
    "import importlib.util, sys; print(*[m for m in sys.argv[1:] if importlib.util.find_spec(m) is None])";
  const { failed, stdout } = await execa(python, ["-c", script, ...modules], { reject: false });
  const missing = failed ? "python3" : stdout.trim();
  return missing === ""
    ? undefined
    : `skipped, not installed: ${missing} (pip install ${modules.join(" ")}; PYTHON names another Python)`;
}

/** Runs a script of bench/peers and returns the JSON that its last line holds. */
export async function runPeer(
  script: string,
  args: readonly (string | number)[],
  input?: object,
): Promise<unknown> {
  const { stdout } = await execa(python, [`bench/peers/${script}`, ...args.map(String)], {
    ...(input === undefined ? {} : { input: JSON.stringify(input) }),
    env: { CUDA_VISIBLE_DEVICES: "-1" },
  });
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
}
