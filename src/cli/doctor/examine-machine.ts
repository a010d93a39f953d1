/** What the machine offers: Node, processor, memory, disk. Facts become findings in pure functions. */
import { statfs } from "node:fs/promises";
import { arch, availableParallelism, cpus, platform, release } from "node:os";
import { formatBytes } from "../../report/quantity.ts";
import type { Finding } from "./finding.ts";
import { machineMemory } from "./machine-memory.ts";

/** The lowest Node that package.json allows, and the first major on which tfjs-node 4.22 is known to break. */
const oldestNode = [20, 19] as const;

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
      message: `${availableParallelism()} (${(cpus()[0]?.model ?? "unknown model").trim()})`,
    },
    memoryFinding(machineMemory()),
    diskFinding(disk.bavail * disk.bsize),
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
