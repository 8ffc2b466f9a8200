#ifndef CLV_JOBS_JOB_H
#define CLV_JOBS_JOB_H

#include <stdbool.h>
#include <stddef.h>

#include "comm/comm.h"
#include "io/config.h"

/** What a job is given. Everything is borrowed and lives until the job returns. */
typedef struct clv_job_context {
  const clv_comm   *world;
  const clv_config *config;      /* NULL for jobs without one */
  const char       *config_path; /* as typed; NULL for jobs without one */
  int    argc;  /* the job's own remaining arguments: what is neither the configuration, --set nor --quiet */
  char **argv;  /* [argc] */
  bool   quiet; /* no progress on stderr */
} clv_job_context;

/** One subcommand: a const table per file, listed in jobs/job.c. */
typedef struct clv_job {
  const char *name;
  const char *summary; /* a few words for `clv --help` */
  const char *usage;   /* what follows the usage line in `clv JOB --help`; may be NULL */
  bool        needs_config;
  bool        takes_config; /* a configuration may be given; implied by needs_config */
  bool
      takes_arguments; /* the job reads argv itself; else a left-over argument is CLV_EUSAGE before it runs */
  bool        takes_fresh; /* --fresh is among its arguments: refit passes it on */
  bool        listens;     /* to signals that ask to stop (jobs/stop.h), from before it runs */
  const char *subject;   /* what its first argument, argv[0], is called where that is not the configuration */
  bool        owns_help; /* --help KEY is the job's; plain --help is never */
  /** Collective over context->world; the same status on every rank. A job for a run directory finds that
   * directory made, its config.yaml written, and is recorded in manifest.json by its caller. */
  clv_status (*run)(const clv_job_context *context);
} clv_job;

extern const clv_job CLV_JOB_REFIT;
extern const clv_job CLV_JOB_CONFIG;
extern const clv_job CLV_JOB_PREPARE;
extern const clv_job CLV_JOB_VERSION;

/** The jobs, ended by NULL, in the order of `clv --help`. Not collective. */
const clv_job *const *clv_jobs(void);
/** NULL where there is none. Not collective. */
const clv_job *clv_job_find(const char *name);

/** Run one job: where it is a step of a run directory (jobs/step.h), the directory is made and locked, the
 * effective configuration written, and the step recorded in the manifest. Collective. */
clv_status clv_job_run(const clv_job *job, const clv_job_context *context);

#endif
