// How the sanitizers watch the programs of this build (-DPSAC_SANITIZE=ON or -DPSAC_FUZZ=ON): part of every executable,
// so that a run by hand is watched like a test. ASAN_OPTIONS and LSAN_OPTIONS in the environment come after this.
//
// Memory that nothing points to any more when a program ends is reported as a leak, and the exit code is 99, which no
// program of ours uses. A rank that ends by MPI_Abort, _exit or a signal is not looked at.

const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);
int dlclose(void *module);

// intercept_tls_get_addr: GCC 12's library misreads how this C library lays out thread-local memory, and then dies
// while it looks for leaks. verify_asan_link_order: tests/faults preloads a library. fast_unwind_on_malloc: the C
// library keeps no frame pointers, so a fast look at the stack ends there, in vasprintf for example, and does not say
// which library called. Eight calls up cost no more.
const char *__asan_default_options(void) {
  return "detect_leaks=1:print_suppressions=0:exitcode=99:allocator_may_return_null=1:intercept_tls_get_addr=0:"
         "verify_asan_link_order=0:fast_unwind_on_malloc=0:malloc_context_size=8";
}

// What Open MPI and its parts keep to the end, and what libfyaml 0.7 loses where a text of kilobytes in quotes ends in
// a mistake.
const char *__lsan_default_suppressions(void) {
  return "leak:libmpi.so\n"
         "leak:libopen-pal.so\n"
         "leak:libopen-rte.so\n"
         "leak:libpmix.so\n"
         "leak:libhwloc.so\n"
         "leak:/openmpi3/mca_\n"
         "leak:libfyaml.so\n";
}

// Open MPI unloads its parts when it ends; kept, what they leave has a name that can be told from ours.
int dlclose(void *module) {
  (void)module;
  return 0;
}
