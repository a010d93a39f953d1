/**
 * Variables of the environment by which people change what TensorFlow computes, to the last bit or more. They are the
 * engine's as much as its version is: a result made under one setting is not taken for that of another.
 */

/** Read by TensorFlow and its libraries while they load. A value that is the default here is no change. */
const variables: Readonly<Record<string, string | undefined>> = {
  // Compiles parts of the graph: --tf_xla_auto_jit=2, on the CPU --tf_xla_cpu_global_jit besides.
  TF_XLA_FLAGS: undefined,
  XLA_FLAGS: undefined,
  TF_ENABLE_ONEDNN_OPTS: "1",
  ONEDNN_MAX_CPU_ISA: undefined,
  TF_DETERMINISTIC_OPS: "1",
  NVIDIA_TF32_OVERRIDE: undefined,
};

/** E.g. `TF_ENABLE_ONEDNN_OPTS=0`, in a fixed order; empty where nothing is set. */
export const environmentSettings = (environment = process.env): readonly string[] =>
  Object.entries(variables).flatMap(([name, usual]) => {
    const value = environment[name]?.trim() ?? "";
    return value === "" || value === usual ? [] : [`${name}=${value}`];
  });

/** What stands behind TensorFlow's version in an engine's identity. */
export const environmentLabel = (environment = process.env): string =>
  environmentSettings(environment)
    .map((setting) => ` ${setting}`)
    .join("");
