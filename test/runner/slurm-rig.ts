/** A real Slurm of one node on the loopback interface, in a directory of its own: munged, slurmctld and slurmd. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { hostname, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const PATH = [process.env["PATH"] ?? "", "/usr/sbin", "/sbin"].join(delimiter);
const NEEDED = ["munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "setpriv"];
const ATTEMPTS = 3;
const LOOKS = 150;

/** A running Slurm, or why there is none here. */
export async function startSlurm(): Promise<SlurmRig | string> {
  const missing = NEEDED.filter(
    (name) => !PATH.split(delimiter).some((folder) => isThere(join(folder, name))),
  );
  if (missing.length > 0) return `no ${missing.join(", ")}`;
  if (process.getuid?.() !== 0) return "needs root";
  if (!isThere("/sys/fs/cgroup")) return "no /sys/fs/cgroup";
  let problem = "";
  // Another process may take a port between our finding it free and Slurm's listening.
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const rig = new SlurmRig();
    try {
      await rig.start();
      return rig;
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
      await rig.stop();
    }
  }
  return `it does not start: ${problem}`;
}

export class SlurmRig {
  readonly directory = mkdtempSync(join(tmpdir(), "slurm-"));
  readonly #daemons: ChildProcess[] = [];

  /** Of commands that are to speak with this Slurm. */
  get env(): Record<string, string> {
    return { PATH, SLURM_CONF: join(this.directory, "slurm.conf") };
  }

  async start(): Promise<void> {
    const [controller, node] = await freePorts(2);
    this.#writeFiles(controller ?? 0, node ?? 0);
    const munge = join(this.directory, "munge");
    this.#daemon(["--reuid", "munge", "--regid", "munge", "--clear-groups"], "munged", [
      "--foreground",
      `--socket=${munge}/socket`,
      `--key-file=${munge}/key`,
      `--pid-file=${munge}/pid`,
      `--log-file=${munge}/log`,
      `--seed-file=${munge}/seed`,
    ]);
    await until("munged", () => isThere(`${munge}/socket`));
    this.#daemon([], "slurmctld", ["-D", "-f", this.env["SLURM_CONF"] ?? ""]);
    this.#daemon([], "slurmd", ["-D", "-f", this.env["SLURM_CONF"] ?? ""]);
    await until("an idle node", () => {
      if (this.#daemons.some(({ exitCode }) => exitCode !== null)) throw new Error("a daemon ended");
      return this.call("sinfo", "--noheader", "--format=%T").trim() === "idle";
    });
  }

  /** What a command of Slurm says; empty where it fails. */
  call(command: string, ...args: readonly string[]): string {
    try {
      const env = { ...process.env, ...this.env };
      return execFileSync(command, args, { env, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    } catch {
      return "";
    }
  }

  /** Ids and states of the jobs that are not over, by working directory. */
  jobs(directory: string): { id: string; state: string }[] {
    return this.call("squeue", "--noheader", "--format=%i|%T|%Z")
      .split("\n")
      .map((line) => line.split("|"))
      .filter(([, , where = ""]) => where.startsWith(directory))
      .map(([id = "", state = ""]) => ({ id, state }));
  }

  async untilNoJobs(directory: string): Promise<void> {
    await until("no jobs", () => this.jobs(directory).length === 0);
  }

  async stop(): Promise<void> {
    this.call("scancel", "--full", "--signal=KILL", "--state=RUNNING", "--me");
    this.call("scancel", "--me");
    await until("no jobs", () => this.call("squeue", "--noheader") === "").catch(() => undefined);
    for (const daemon of this.#daemons.reverse()) {
      daemon.kill("SIGTERM");
      await until("the end of a daemon", () => daemon.exitCode !== null || daemon.signalCode !== null).catch(
        () => daemon.kill("SIGKILL"),
      );
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Dies with the tests, however they end. */
  #daemon(privileges: readonly string[], command: string, args: readonly string[]): void {
    const daemon = spawn("setpriv", [...privileges, "--pdeathsig", "KILL", command, ...args], {
      env: { ...process.env, ...this.env },
      stdio: "ignore",
    });
    this.#daemons.push(daemon);
  }

  #writeFiles(controllerPort: number, nodePort: number): void {
    const { directory } = this;
    const host = hostname().split(".")[0] ?? "localhost";
    const munge = join(directory, "munge");
    chmodSync(directory, 0o755);
    for (const name of ["munge", "state", "spool"]) mkdirSync(join(directory, name));
    writeFileSync(join(munge, "key"), randomBytes(128), { mode: 0o400 });
    const [uid, gid] = ["-u", "-g"].map((flag) =>
      Number(execFileSync("id", [flag, "munge"], { encoding: "utf8" })),
    );
    for (const path of [munge, join(munge, "key")]) chownSync(path, uid ?? 0, gid ?? 0);
    const settings = {
      ClusterName: "test",
      SlurmctldHost: `${host}(127.0.0.1)`,
      SlurmUser: "root",
      SlurmdUser: "root",
      AuthType: "auth/munge",
      // A requeued job waits for the end of its credential, two minutes by default.
      AuthInfo: `socket=${munge}/socket,cred_expire=5`,
      CommunicationParameters: "NoCtldInAddrAny,NoInAddrAny",
      SlurmctldPort: controllerPort,
      SlurmdPort: nodePort,
      StateSaveLocation: `${directory}/state`,
      SlurmdSpoolDir: `${directory}/spool`,
      SlurmctldPidFile: `${directory}/slurmctld.pid`,
      SlurmdPidFile: `${directory}/slurmd.pid`,
      SlurmctldLogFile: `${directory}/slurmctld.log`,
      SlurmdLogFile: `${directory}/slurmd.log`,
      ProctrackType: "proctrack/linuxproc",
      TaskPlugin: "task/none",
      MpiDefault: "none",
      AccountingStorageType: "accounting_storage/none",
      // Without cgroups it is the gatherer that ends a job over its memory.
      JobAcctGatherType: "jobacct_gather/linux",
      JobAcctGatherFrequency: "task=1",
      JobAcctGatherParams: "OverMemoryKill",
      SchedulerType: "sched/builtin",
      SchedulerParameters: "batch_sched_delay=0,sched_interval=1",
      SelectType: "select/cons_tres",
      SelectTypeParameters: "CR_Core_Memory",
      SlurmdParameters: "config_overrides",
      ReturnToService: 2,
      KillWait: 2,
      GresTypes: "gpu",
      NodeName: `${host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=8000 Gres=gpu:1 State=UNKNOWN`,
      PartitionName: `main Nodes=${host} Default=YES DefMemPerCPU=500 MaxTime=INFINITE State=UP`,
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
    writeFileSync(join(directory, "slurm.conf"), lines.join(""));
    writeFileSync(join(directory, "gres.conf"), `NodeName=${host} Name=gpu File=/dev/null\n`);
  }
}

/** Looks often, not long: a loaded machine takes its time. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let look = 0; look < LOOKS; look++) {
    if (isSo()) return;
    await sleep(200);
  }
  throw new Error(`${what}: not within ${LOOKS} looks`);
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await new Promise((resolve) => server.once("listening", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function isThere(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
