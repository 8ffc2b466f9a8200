#include "jobs/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/config.h"
#include "io/nearest.h"
#include "jobs/job.h"
#include "jobs/stop.h"
#include "jobs/version.h"

typedef struct command {
  const clv_job *job;
  const char    *config_path; /* borrowed from argv; NULL: none */
  const char   **set;         /* owned [n_set]; each borrowed from argv */
  size_t         n_set;
  char         **rest; /* owned [n_rest]; each borrowed from argv */
  int            n_rest;
  bool           quiet, help;
} command;

static void program_help(const clv_comm *world) {
  if (clv_comm_rank(world) != 0) return;
  printf(
      "clv: hierarchical Bayesian customer lifetime value, on one core or many nodes.\n\n"
      "usage: [mpirun -n RANKS] clv JOB [CONFIG.yaml] [--set key=value]... [--quiet]\n\njobs:\n");
  for (const clv_job *const *job = clv_jobs(); *job != NULL; job++)
    printf("  %-11s %s\n", (*job)->name, (*job)->summary);
  printf(
      "\n"
      "  clv JOB --help        what a job does, what it reads and writes\n"
      "  clv config            every key of the configuration\n"
      "  clv --version         version and how it was built\n\n"
      "exit codes: 0 done, 1 unexpected fault, 2 usage or configuration, 3 data, 4 not converged,\n"
      "            75 interrupted with a checkpoint written: run the same command again\n");
}

static void job_help(const clv_comm *world, const clv_job *job) {
  if (clv_comm_rank(world) != 0) return;
  const char *config = job->needs_config ? " CONFIG.yaml" : job->takes_config ? " [CONFIG.yaml]" : "";
  printf("usage: clv %s%s%s%s%s\n\n%s\n", job->name, job->subject != NULL ? " " : "",
         job->subject != NULL ? job->subject : "", config,
         *config != '\0' ? " [--set key=value]... [--quiet]" : "", job->summary);
  if (job->usage != NULL)
    printf("\n%s%s", job->usage, job->usage[strlen(job->usage) - 1] == '\n' ? "" : "\n");
}

static clv_status job_unknown(const char *name) {
  clv_nearest nearest = clv_nearest_begin(name);
  for (const clv_job *const *job = clv_jobs(); *job != NULL; job++) clv_nearest_offer(&nearest, (*job)->name);
  if (nearest.name != NULL)
    return clv_fail(CLV_EUSAGE, "unknown job '%.80s'; did you mean '%s'? 'clv --help' lists the jobs", name,
                    nearest.name);
  return clv_fail(CLV_EUSAGE, "unknown job '%.80s'; 'clv --help' lists the jobs", name);
}

/* The first word, or a YAML file among the options: both 'fit run.yaml --fresh' and 'fit --fresh run.yaml'.
 */
static bool is_config(const command *c, const char *text) {
  const char *dot = strrchr(text, '.');
  if (!(c->job->needs_config || c->job->takes_config) || c->config_path != NULL || text[0] == '-')
    return false;
  if (c->n_rest == (c->job->subject != NULL ? 1 : 0)) return true;
  return c->job->subject == NULL && dot != NULL && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

/** One argument of a job; `*at` moves on where it takes a value. */
static clv_status argument_read(command *c, int argc, char **argv, int *at) {
  char      *text         = argv[*at];
  const bool takes_config = c->job->needs_config || c->job->takes_config;
  if (strcmp(text, "--quiet") == 0) {
    c->quiet = true;
  } else if ((strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0) &&
             !(c->job->owns_help && *at + 1 < argc)) {
    c->help = true;
  } else if (takes_config && strncmp(text, "--set=", 6) == 0) {
    c->set[c->n_set++] = text + 6;
  } else if (takes_config && strcmp(text, "--set") == 0) {
    if (*at + 1 >= argc) return clv_fail(CLV_EUSAGE, "--set needs key=value, such as --set sampler.seed=7");
    c->set[c->n_set++] = argv[++*at];
  } else if (is_config(c, text)) {
    c->config_path = text;
  } else {
    c->rest[c->n_rest++] = text;
  }
  return CLV_OK;
}

static clv_status command_read(command *c, int argc, char **argv) {
  clv_status st  = CLV_OK;
  void      *set = NULL, *rest = NULL;
  CLV_TRY(clv_calloc((size_t)argc + 1, sizeof *c->set, &set));
  c->set = set;
  CLV_TRY(clv_calloc((size_t)argc + 1, sizeof *c->rest, &rest));
  c->rest = rest;
  for (int i = 2; i < argc; i++) CLV_TRY(argument_read(c, argc, argv, &i));
  if (c->help) goto out;
  if (c->job->needs_config && c->config_path == NULL)
    CLV_TRY(
        clv_fail(CLV_EUSAGE, "clv %s needs a configuration: clv %s CONFIG.yaml", c->job->name, c->job->name));
  if (c->n_set > 0 && c->config_path == NULL)
    CLV_TRY(clv_fail(CLV_EUSAGE, "--set needs a configuration: clv %s CONFIG.yaml --set %.200s", c->job->name,
                     c->set[0]));
  if (c->n_rest > 0 && !c->job->takes_arguments)
    CLV_TRY(clv_fail(CLV_EUSAGE, "clv %s does not know the argument '%.200s'; 'clv %s --help' explains",
                     c->job->name, c->rest[0], c->job->name));
out:
  return st;
}

static clv_status command_run(const clv_comm *world, int argc, char **argv) {
  clv_status  st     = CLV_OK;
  clv_config *config = NULL;
  command     c      = {.job = clv_job_find(argv[1])};

  if (c.job == NULL) return job_unknown(argv[1]);
  CLV_TRY(command_read(&c, argc, argv));
  if (c.help) {
    job_help(world, c.job);
    goto out;
  }
  if (c.job->listens) clv_stop_listen();
  if (c.config_path != NULL) CLV_TRY(clv_config_load(world, c.config_path, c.set, c.n_set, &config));
  const clv_job_context context = {.world       = world,
                                   .config      = config,
                                   .config_path = c.config_path,
                                   .argc        = c.n_rest,
                                   .argv        = c.rest,
                                   .quiet       = c.quiet};
  CLV_TRY(clv_job_run(c.job, &context));
out:
  clv_config_free(&config);
  free(c.set);
  free(c.rest);
  return st;
}

clv_status clv_program_run(const clv_comm *world, int argc, char **argv) {
  clv_status st = CLV_OK;
  if (argc < 2) {
    CLV_TRY(clv_fail(CLV_EUSAGE, "which job? 'clv --help' lists them"));
  } else if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
    program_help(world);
  } else if (strcmp(argv[1], "--version") == 0) {
    clv_version_print(world);
  } else {
    CLV_TRY(command_run(world, argc, argv));
  }
out:
  errno = 0;
  if (fflush(stdout) != 0 && errno != EPIPE && errno != EBADF &&
      st >= 0) /* a reader that left is no fault of ours */
    st = clv_fail(CLV_EIO, "cannot write to standard output: %s", strerror(errno));
  return clv_comm_agree(world, st);
}
