#include "jobs/version.h"

#include <hdf5.h>
#include <stdio.h>
#include <string.h>

#include "clv_build.h"
#include "comm/comm.h"
#include "jobs/job.h"

const char *clv_version_text(void) { return CLV_BUILD_VERSION; }

static void instructions_print(void) {
#if defined(__x86_64__)
  printf("instructions: plain%s%s\n", __builtin_cpu_supports("avx2") ? ", avx2" : "",
         __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") ? ", avx512" : "");
#else
  printf("instructions: plain\n");
#endif
}

void clv_version_print(const clv_comm *world) {
  char     library[256] = "";
  unsigned major = 0, minor = 0, release = 0;
  if (clv_comm_rank(world) != 0) return;
  clv_comm_library(library, sizeof library);
  H5get_libversion(&major, &minor, &release);
  printf("clv %s%s%s\n", CLV_BUILD_VERSION, CLV_BUILD_COMMIT[0] == '\0' ? "" : ", commit ", CLV_BUILD_COMMIT);
  printf("compiler: %s, %s\n", CLV_BUILD_COMPILER, CLV_BUILD_TYPE);
  printf("MPI: %s\nHDF5: %u.%u.%u, parallel\n", library, major, minor, release);
  instructions_print();
}

static clv_status version_run(const clv_job_context *context) {
  clv_version_print(context->world);
  return CLV_OK;
}

const clv_job CLV_JOB_VERSION = {
    .name = "version", .summary = "version and how it was built", .run = version_run};
