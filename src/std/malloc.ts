/**
 * Settings of glibc's malloc for a process that is about to start; it reads them once, other systems ignore them. With pages
 * of 4 KiB the system's making of them costs native code as much time as its arithmetic: glibc ≥ 2.35 asks for huge ones
 * where the kernel gives them on request (transparent_hugepage=madvise, the usual setting). ADR 0024 has the figures.
 * https://www.gnu.org/software/libc/manual/html_node/Memory-Allocation-Tunables.html
 */
const hugePages = "glibc.malloc.hugetlb=1";

export const mallocSettings = {
  /** Threads that take and give back tensors of megabytes many times a second: one heap, which keeps what it has. */
  tensors: [
    hugePages,
    "glibc.malloc.arena_max=1",
    `glibc.malloc.mmap_threshold=${2 ** 30}`,
    `glibc.malloc.trim_threshold=${2 ** 33}`,
  ].join(":"),
  /** Anything else, worker threads included: they keep heaps of their own. */
  general: hugePages,
} as const;

export type MallocUse = keyof typeof mallocSettings;

type Environment = Readonly<Record<string, string | undefined>>;

/** What the user tuned stays as it is. */
export const withMalloc = (use: MallocUse, env: Environment): Environment => ({
  GLIBC_TUNABLES: mallocSettings[use],
  ...env,
});
