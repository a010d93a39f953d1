/** What the machine offers: Node, processor, memory, disk. Facts become findings in pure functions. */
import { readFile, statfs } from "node:fs/promises";
import { arch, availableParallelism, cpus, platform, release } from "node:os";
import { formatBytes } from "../../report/quantity.ts";
import type { Finding } from "./finding.ts";
import { machineMemory } from "./machine-memory.ts";

/** The lowest Node that package.json allows. */
const oldestNode = [20, 19] as const;
/** Those with long-term support that the engine was loaded and trained on. */
const testedNodes: readonly number[] = [20, 22, 24];

export async function examineMachine(projectRoot: string): Promise<readonly Finding[]> {
  const disk = await statfs(projectRoot);
  return [
    nodeFinding(process.version),
    {
      name: "platform",
      level: platform() === "win32" ? "warn" : "ok",
      message: `${platform()} ${arch()}, ${release()}`,
      ...(platform() === "win32" ? { hint: "the native engine is made for Linux and macOS; use WSL" } : {}),
    },
    {
      name: "cores",
      level: "ok",
      message: [
        `${availableParallelism()} (${(cpus()[0]?.model ?? "unknown model").trim()})`,
        ...cpuFeaturesText(await readFile("/proc/cpuinfo", "utf8").catch(() => "")),
      ].join("; "),
    },
    memoryFinding(machineMemory()),
    diskFinding(disk.bavail * disk.bsize),
  ];
}

/** Instructions that TensorFlow's and oneDNN's kernels use where they are, by their names in Linux's /proc/cpuinfo. */
const instructionSets: Readonly<Record<string, string>> = {
  avx2: "AVX2",
  fma: "FMA",
  avx512f: "AVX-512",
  avx512_vnni: "AVX-512 VNNI",
  avx512_bf16: "AVX-512 BF16",
  amx_tile: "AMX",
  asimd: "NEON",
  sve: "SVE",
};

/** One phrase, or none where the system does not tell. */
export function cpuFeaturesText(cpuinfo: string): readonly string[] {
  const line = /^(?:flags|Features)\s*:(.*)$/mu.exec(cpuinfo)?.[1];
  if (line === undefined) return [];
  const flags = new Set(line.trim().split(/\s+/u));
  const found = Object.entries(instructionSets).flatMap(([flag, name]) => (flags.has(flag) ? [name] : []));
  return [
    found.length === 0
      ? "neither AVX2 nor NEON: native TensorFlow may be slow"
      : `for TensorFlow: ${found.join(", ")}`,
  ];
}

export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  const old = major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1]);
  if (old)
    return {
      name: "node",
      level: "fail",
      message: `${version} is too old`,
      hint: `install Node ${oldestNode.join(".")} or later`,
    };
  if (!testedNodes.includes(major))
    return {
      name: "node",
      level: "warn",
      message: `${version} is not among those that this was tested on`,
      hint: `where something fails, try Node ${testedNodes.join(", ")}`,
    };
  return { name: "node", level: "ok", message: version };
}

export function memoryFinding(bytes: number): Finding {
  const message = formatBytes(bytes);
  if (bytes >= 3.5e9) return { name: "memory", level: "ok", message };
  return { name: "memory", level: "warn", message, hint: "below 4 GB only the tiny recipe is sure to fit" };
}

export function diskFinding(freeBytes: number): Finding {
  const message = `${formatBytes(freeBytes)} free`;
  if (freeBytes < 5e8)
    return {
      name: "disk",
      level: "fail",
      message,
      hint: "the tiny recipe needs about 500 MB with its downloads and the engine",
    };
  if (freeBytes < 5e9)
    return { name: "disk", level: "warn", message, hint: "enough for tiny; larger recipes need several GB" };
  return { name: "disk", level: "ok", message };
}
