/** The parts of Python's packaging specifications that are read; cases out of PEP 427, 440, 503, 508 and 600. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { requirementsOf } from "../../../../src/engine/provision/wheels/requirement.ts";
import { resolveWheel } from "../../../../src/engine/provision/wheels/resolve-wheel.ts";
import { compareVersions, parseVersion, satisfies } from "../../../../src/engine/provision/wheels/version.ts";
import { parseWheelName, runsOn } from "../../../../src/engine/provision/wheels/wheel-name.ts";

const version = (text: string) => parseVersion(text) ?? [];

test.each([
  ["12.9.79", "<13.0,>=12.5.82", true],
  ["13.0", "<13.0,>=12.5.82", false],
  ["13", "<13.0", false],
  ["12.5.82", ">=12.5.82", true],
  ["12.5.8", ">=12.5.82", false],
  ["9.14.0.64", "<10.0, >=9.3.0.75", true],
  ["2.0", "==2.0.0", true],
  ["0.5.1", "!=0.5.0,!=0.5.1", false],
  ["7.1", "", true],
])("%s satisfies %j: %s", (found, specifier, expected) => {
  expect(satisfies(version(found), specifier)).toBe(expected);
});

test("a specifier in words not known is refused, not guessed", () => {
  expect(() => satisfies(version("1.0"), "~=1.0")).toThrow("in words that are not understood: ~=1.0");
  expect(() => satisfies(version("1.0"), ">=1.0rc1")).toThrow(">=1.0rc1");
});

test("pre-releases, post-releases and local versions are no releases", () => {
  for (const text of ["1.0rc1", "1.0.post1", "1.0.dev3", "1!2.0", "1.0+cu12", ""])
    expect(parseVersion(text)).toBeUndefined();
});

test("versions are ordered totally: antisymmetric, transitive, blind to trailing zeros", () => {
  const some = fc.array(fc.nat(30), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(some, some, some, (a, b, c) => {
      expect(Math.sign(compareVersions(a, b))).toBe(-Math.sign(compareVersions(b, a)) + 0);
      if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0)
        expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
      expect(compareVersions(a, [...a, 0])).toBe(0);
    }),
  );
});

const METADATA = `Metadata-Version: 2.4
Name: tensorflow
Requires-Dist: absl-py>=1.0.0
Requires-Dist: google_pasta (>=0.1.1)
Requires-Dist: NVIDIA.cublas_cu12<13.0,>=12.5.3.2; extra == "and-cuda"
Requires-Dist: nvidia-nccl-cu12; extra == 'and-cuda'
Requires-Dist: tensorflow-io>=0.23.1; (sys_platform != "win32") and extra == "gcs"

Requires-Dist: not-a-header>=1
`;

test("requirements are read from the header only, by extra, with normalized names", () => {
  expect(requirementsOf(METADATA, "and-cuda")).toEqual([
    { project: "nvidia-cublas-cu12", specifier: "<13.0,>=12.5.3.2" },
    { project: "nvidia-nccl-cu12", specifier: "" },
  ]);
  expect(requirementsOf(METADATA)).toEqual([
    { project: "absl-py", specifier: ">=1.0.0" },
    { project: "google-pasta", specifier: ">=0.1.1" },
  ]);
  expect(requirementsOf(METADATA, "gcs")).toEqual([]);
});

const file = (name: string) => ({
  file: name,
  url: `https://host/${name}`,
  sha256: "0".repeat(64),
  bytes: 1,
});
const bullseye = { arch: "x64", glibc: [2, 31] } as const;

test.each([
  ["a-1-py3-none-manylinux_2_27_x86_64.whl", true],
  ["a-1-py3-none-manylinux_2_34_x86_64.whl", false],
  ["a-1-py3-none-manylinux_2_27_aarch64.whl", false],
  ["a-1-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl", true],
  ["a-1-2-py2.py3-none-manylinux1_x86_64.whl", true],
  ["a-1-py3-none-win_amd64.whl", false],
  ["a-1-py3-none-any.whl", false],
])("%s runs on linux-x64 with glibc 2.31: %s", (name, expected) => {
  const parsed = parseWheelName(name);
  expect(parsed?.version).toBe("1");
  expect(parsed !== undefined && runsOn(parsed, bullseye)).toBe(expected);
});

test("the newest version that fits is taken, whatever the order of the index", () => {
  const files = ["12.9.1", "13.0.0", "12.10.0", "12.4.0", "12.11.0rc1"].map((each) =>
    file(`nvidia_x-${each}-py3-none-manylinux_2_17_x86_64.whl`),
  );
  const others = [
    file("nvidia_x-12.12.0-py3-none-win_amd64.whl"),
    file("nvidia_x-12.12.0.tar.gz"),
    file("nvidia_y-12.12.0-py3-none-manylinux_2_17_x86_64.whl"),
    file("nvidia_x-12.12.0-cp311-cp311-manylinux_2_17_x86_64.whl"),
  ];
  const requirement = { project: "nvidia-x", specifier: "<13.0,>=12.5" };
  expect(resolveWheel(requirement, [...files, ...others], bullseye).version).toBe("12.10.0");
  expect(() => resolveWheel(requirement, others, bullseye)).toThrow(
    "the package index has no wheel of nvidia-x <13.0,>=12.5 for linux-x64 with glibc 2.31",
  );
});
