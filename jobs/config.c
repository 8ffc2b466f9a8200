#include "io/config.h"

#include <stdio.h>
#include <string.h>

#include "jobs/job.h"

static clv_status config_run(const clv_job_context *context) {
  const char *key = NULL;
  clv_status  st  = CLV_OK;
  for (int i = 0; i < context->argc; i++) {
    if (strcmp(context->argv[i], "--print") == 0) continue; /* what it does anyway */
    if (strcmp(context->argv[i], "--help") == 0) continue;  /* --help KEY */
    if (context->argv[i][0] == '-' || key != NULL)
      return clv_fail(CLV_EUSAGE,
                      "clv config does not know the argument '%.200s'; 'clv config --help' explains",
                      context->argv[i]);
    key = context->argv[i];
  }
  if (clv_comm_rank(context->world) == 0)
    st = context->config != NULL && key == NULL ? clv_config_print(context->config, stdout, true)
                                                : clv_config_explain(key, stdout);
  return clv_comm_agree(context->world, st);
}

const clv_job CLV_JOB_CONFIG = {
    .name    = "config",
    .summary = "check a configuration and print the effective one, or explain its keys",
    .usage =
        "clv config CONFIG.yaml         check it; print every value and where it came from\n"
        "clv config                     list every key: meaning, what it accepts, default\n"
        "clv config --help KEY          one key, or one section\n",
    .takes_config    = true,
    .takes_arguments = true,
    .owns_help       = true,
    .run             = config_run,
};
