/** `doctor --benchmark`: every recipe of a project, from answers that are given and with the real process. */
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { recipeSpeeds } from "../../../src/cli/estimate/recipe-speeds.ts";
import { packageRoot } from "../../runner/project.ts";
import { createDemoProject } from "../demo-project.ts";
import { answering, measurement, measuringRig } from "./measuring-rig.ts";

test("recipes of one shape are measured once; what is wrong with one is told in its place", async () => {
  using rig = measuringRig(answering({ measurement }));
  for (const name of ["tiny", "sweep"]) rig.addRecipe(name);
  writeFileSync(join(rig.projectRoot, "configs", "none.yaml"), "count: { steps: 3 }\n");
  const [none, sweep, tiny] = await recipeSpeeds(rig.projectRoot, rig.place);
  expect(none).toMatchObject({ config: "none", error: { code: "CONFIG_INVALID" } });
  // 512 tokens in 100 ms; 300 steps of 512 tokens and 1,500.
  expect(sweep).toMatchObject({ config: "sweep", tokensPerSecond: 5120 });
  expect(tiny).toMatchObject({ config: "tiny", tokensPerSecond: 5120 });
  expect(tiny).toHaveProperty("hours", expect.closeTo(150 / 3600, 9));
  expect(sweep).toHaveProperty("hours", expect.closeTo(30 / 3600, 9));
  expect(rig.said).toEqual(["measuring sweep, tiny: compiling, then 10 s of training steps"]);
});

test("a measurement that dies leaves the recipes of its shape unknown, and the others are measured", async () => {
  using rig = measuringRig(
    `process.on("message", ({ options }) => {
      if (options.model.vocabSize > 5000) process.exit(9);
      process.send({ measurement: ${JSON.stringify(measurement)} }, () => process.disconnect());
    });`,
  );
  for (const name of ["tiny", "small"]) rig.addRecipe(name);
  const [small, tiny] = await recipeSpeeds(rig.projectRoot, rig.place);
  expect(small).toMatchObject({ config: "small", error: { code: "MEASUREMENT_DIED" } });
  expect(tiny).toMatchObject({ config: "tiny", tokensPerSecond: 5120 });
});

test.skipIf(!existsSync("/proc/self/stat"))(
  "Ctrl-C ends doctor --benchmark and the process that measures",
  async () => {
    using project = createDemoProject();
    copyFileSync(join(packageRoot, "configs/tiny.yaml"), join(project.directory, "configs/tiny.yaml"));
    const doctor = project.start("doctor", "--benchmark");
    const pid = await vi.waitFor(() => childOf(doctor.pid, "measure-process.mjs"), 60_000);
    doctor.kill("SIGINT");
    const { stdout, exitCode } = await doctor;
    expect(exitCode).not.toBe(0);
    // What needs no measuring was there before.
    expect(stdout).toContain("✔ node");
    expect(stdout).not.toContain("speed");
    await vi.waitFor(() => expect(existsSync(`/proc/${pid}`)).toBe(false), 10_000);
  },
  90_000,
);

/** Its pid, by Linux's /proc; throws where there is none. */
function childOf(parent: number | undefined, script: string): string {
  const found = readdirSync("/proc").find((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
      return Number(fields[1]) === parent && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(script);
    } catch {
      return false; // it has just ended
    }
  });
  if (found === undefined) throw new Error(`${script} does not run`);
  return found;
}
