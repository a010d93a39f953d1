/**
 * Native engines take and give back tensors of megabytes many times a step; with pages of 4 KiB, the system's making of
 * them costs as much time as the arithmetic (docs/log.md has figures). This lets glibc ≥ 2.35 ask for huge pages where the
 * kernel gives them on request (transparent_hugepage=madvise, the usual setting); others ignore it. malloc reads it once,
 * when a process starts. https://www.gnu.org/software/libc/manual/html_node/Memory-Allocation-Tunables.html
 */
export const HUGE_PAGES = "glibc.malloc.hugetlb=1";

type Environment = Readonly<Record<string, string | undefined>>;

/** For a process that is about to start. What the user tuned stays as it is. */
export const withHugePages = (env: Environment): Environment => ({ GLIBC_TUNABLES: HUGE_PAGES, ...env });
