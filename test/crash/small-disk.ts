/** A disk of a few megabytes that a test can fill: tmpfs(5), where this process may mount. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class SmallDisk {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  /** Undefined where mounting is not allowed or not possible. */
  static mount(megabytes: number): SmallDisk | undefined {
    if (process.platform !== "linux") return undefined;
    const root = mkdtempSync(join(tmpdir(), "small-disk-"));
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", root], { stdio: "ignore" });
      return new SmallDisk(root);
    } catch {
      rmdirSync(root);
      return undefined;
    }
  }

  /** The file that takes up the room. */
  get filler(): string {
    return join(this.root, "filler");
  }

  makeRoom(): void {
    rmSync(this.filler, { force: true });
  }

  /** Calls `make` while temporary directories are made on this disk. */
  here<T>(make: () => T): T {
    const before = process.env["TMPDIR"];
    process.env["TMPDIR"] = this.root;
    try {
      return make();
    } finally {
      if (before === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = before;
    }
  }

  unmount(): void {
    execFileSync("umount", [this.root], { stdio: "ignore" });
    rmdirSync(this.root);
  }
}
