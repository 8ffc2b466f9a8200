#include "jobs/step.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/erlang.h"
#include "jobs/stage.h"
#include "jobs/version.h"

static const char *const NOTHING[] = {NULL};

static const char *const PREPARE_CONFIG[] = {"data", "customers", NULL};
static const char *const PREPARE_OUT[]    = {"portfolio.h5", "data_report.json", "rejected.csv", NULL};

/* What changes the draws: not chain_groups and not checkpoint_every, which change speed only. */
static const char *const FIT_CONFIG[] = {"model",
                                         "data.rescale_factor",
                                         "data.min_transactions",
                                         "sampler.num_chains",
                                         "sampler.num_samples",
                                         "sampler.num_warmup",
                                         "sampler.target_accept",
                                         "sampler.max_tree_depth",
                                         "sampler.seed",
                                         "sampler.save_warmup",
                                         "sampler.warm_start",
                                         NULL};
static const char *const FIT_IN[]     = {"portfolio.h5", NULL};
static const char *const FIT_OUT[]    = {"trace.nc", "erlang_k.json", "latents.h5", "latents.json", NULL};

static const char *const DIAGNOSE_CONFIG[] = {"diagnostics", NULL};
static const char *const DIAGNOSE_IN[]     = {"trace.nc", NULL};
static const char *const DIAGNOSE_OUT[]    = {"diagnostics.json", NULL};

static const char *const PREDICT_CONFIG[] = {
    "predict", "model", "data.rescale_factor", "data.min_transactions", "sampler.seed", NULL};
static const char *const PREDICT_IN[]  = {"portfolio.h5", "trace.nc", NULL};
static const char *const PREDICT_OUT[] = {"predictions.h5", "predictions.csv", "new_customer.json", NULL};

static const char *const EVALUATE_CONFIG[] = {"predict", "model", "data.holdout_end", "sampler.seed", NULL};
static const char *const EVALUATE_IN[]     = {"portfolio.h5", "trace.nc", "predictions.h5", NULL};
static const char *const EVALUATE_OUT[]    = {"evaluation.json", "metrics.prom", NULL};

static const char *const LOO_CONFIG[] = {"loo", "model", "data.min_transactions", NULL};
static const char *const LOO_IN[]     = {"portfolio.h5", "trace.nc", NULL};
static const char *const LOO_OUT[]    = {"loo.json", "loo.h5", NULL};

static const char *const STAGE_CONFIG[] = {"stage", NULL};

static const clv_step STEPS[] = {
    {.job = "prepare", .reads_log = true, .section = PREPARE_CONFIG, .input = NOTHING, .output = PREPARE_OUT},
    {.job = "fit", .section = FIT_CONFIG, .input = FIT_IN, .output = FIT_OUT},
    {.job = "diagnose", .section = DIAGNOSE_CONFIG, .input = DIAGNOSE_IN, .output = DIAGNOSE_OUT},
    {.job      = "predict",
     .uses_fit = true,
     .section  = PREDICT_CONFIG,
     .input    = PREDICT_IN,
     .output   = PREDICT_OUT},
    {.job           = "evaluate",
     .needs_holdout = true,
     .uses_fit      = true,
     .section       = EVALUATE_CONFIG,
     .input         = EVALUATE_IN,
     .output        = EVALUATE_OUT},
    {.job = "stage", .stages = true, .section = STAGE_CONFIG, .input = NOTHING, .output = NOTHING},
    {.job      = "loo",
     .is_extra = true,
     .uses_fit = true,
     .section  = LOO_CONFIG,
     .input    = LOO_IN,
     .output   = LOO_OUT},
};

const clv_step *clv_steps(size_t *n) {
  *n = sizeof STEPS / sizeof *STEPS;
  return STEPS;
}

const clv_step *clv_step_find(const char *job) {
  for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS; i++)
    if (strcmp(STEPS[i].job, job) == 0) return &STEPS[i];
  return NULL;
}

/* ---- the facts of a step, on rank 0 ---- */

typedef struct facts_owner {
  clv_strings        input, output; /* owned, each owned */
  char              *config;        /* owned */
  clv_manifest      *manifest;      /* owned */
  clv_manifest_facts facts;         /* borrows from the above */
} facts_owner;

static void strings_clear(clv_strings *self) {
  for (size_t i = 0; i < self->n; i++) free(self->item[i]);
  free(self->item);
  *self = (clv_strings){0};
}

static void facts_clear(facts_owner *self) {
  strings_clear(&self->input);
  strings_clear(&self->output);
  free(self->config);
  clv_manifest_free(&self->manifest);
}

/** Takes `path` over, on failure too. */
static clv_status strings_add(clv_strings *self, char *path) {
  clv_status st = path == NULL ? clv_fail(CLV_ENOMEM, "no memory for a path") : CLV_OK;
  if (st >= 0) st = clv_realloc(self->n + 1, sizeof *self->item, (void **)&self->item);
  if (st < 0)
    free(path);
  else
    self->item[self->n++] = path;
  return st;
}

static clv_status log_add(const clv_config *config, clv_strings *to) {
  clv_status st    = CLV_OK;
  glob_t     found = {0};
  for (size_t i = 0; i < config->data.transactions.n; i++)
    glob(config->data.transactions.item[i], (i > 0 ? GLOB_APPEND : 0) | GLOB_NOCHECK, NULL, &found);
  for (size_t i = 0; i < found.gl_pathc; i++) CLV_TRY(strings_add(to, strdup(found.gl_pathv[i])));
  if (config->customers.table != NULL) CLV_TRY(strings_add(to, strdup(config->customers.table)));
out:
  if (config->data.transactions.n > 0) globfree(&found);
  return st;
}

static clv_status files_add(const clv_config *config, const char *const *name, clv_strings *to) {
  clv_status st = CLV_OK;
  for (; *name != NULL; name++) {
    char *path = NULL;
    CLV_TRY(clv_config_run_path(config, *name, &path));
    CLV_TRY(strings_add(to, path));
  }
out:
  return st;
}

/** All results of the other steps, and their copies at the destination. */
static clv_status copies_add(const clv_config *config, facts_owner *self) {
  clv_status  st     = CLV_OK;
  char       *target = NULL;
  const char *slash;
  CLV_TRY(clv_stage_target(config, &target));
  for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS; i++)
    CLV_TRY(files_add(config, STEPS[i].output, &self->input));
  for (size_t i = 0; i <= self->input.n; i++) {
    const char  *path   = i < self->input.n ? self->input.item[i] : "manifest.json";
    const char  *name   = (slash = strrchr(path, '/')) == NULL ? path : slash + 1;
    const size_t length = strlen(target) + strlen(name) + 2;
    char        *copy   = NULL;
    CLV_TRY(clv_alloc(length, 1, (void **)&copy));
    snprintf(copy, length, "%s/%s", target, name);
    CLV_TRY(strings_add(&self->output, copy));
  }
out:
  free(target);
  return st;
}

static clv_status facts_make(const clv_step *step, const clv_job_context *context, facts_owner *self) {
  clv_status        st        = CLV_OK;
  const clv_config *config    = context->config;
  char             *directory = NULL;
  size_t            n         = 0;
  while (step->section[n] != NULL) n++;
  CLV_TRY(clv_config_extract(config, step->section, n, &self->config));
  if (step->reads_log) CLV_TRY(log_add(config, &self->input));
  CLV_TRY(files_add(config, step->input, &self->input));
  if ((step->uses_fit || strcmp(step->job, "fit") == 0) && config->model.plugin != NULL)
    CLV_TRY(strings_add(&self->input, strdup(config->model.plugin)));
  CLV_TRY(files_add(config, step->output, &self->output));
  if (step->stages) CLV_TRY(copies_add(config, self));
  CLV_TRY(clv_config_run_path(config, NULL, &directory));
  CLV_TRY(clv_manifest_open(directory, NULL, &self->manifest));
  self->facts = (clv_manifest_facts){.step    = step->job,
                                     .version = clv_version_text(),
                                     .config  = self->config,
                                     .input   = &self->input,
                                     .output  = &self->output,
                                     .seed    = config->sampler.seed,
                                     .ranks   = clv_comm_size(context->world)};
out:
  free(directory);
  return st;
}

/* ---- run and check ---- */

static clv_status step_record(const clv_step *step, const clv_job_context *context, clv_manifest_facts run) {
  facts_owner owner = {0};
  clv_status  st    = facts_make(step, context, &owner);
  if (st >= 0) {
    owner.facts.started      = run.started;
    owner.facts.seconds      = run.seconds;
    owner.facts.is_converged = run.is_converged;
    st                       = clv_manifest_record(owner.manifest, &owner.facts);
  }
  facts_clear(&owner);
  return st;
}

/* Steps that use the fitted model see the k that fit chose, where it was to choose. */
static clv_status job_run(const clv_step *step, const clv_job *job, const clv_job_context *context) {
  clv_config      config = *context->config;
  clv_job_context known  = *context;
  clv_status      st     = CLV_OK;
  if (!step->uses_fit || !clv_erlang_is_open(&config)) return job->run(context);
  CLV_TRY(clv_erlang_recall(context->world, context->config, &config.model.erlang_k));
  known.config = &config;
  st           = job->run(&known);
out:
  return st;
}

clv_status clv_step_run(const clv_step *step, const clv_job *job, const clv_job_context *context) {
  const double       begin = clv_clock();
  clv_manifest_facts run   = {.started = time(NULL)};
  char               message[CLV_MESSAGE_MAX];
  clv_status         recorded = CLV_OK;

  const clv_status st = job_run(step, job, context);
  if (st < 0 && st != CLV_ECONVERGE) return st;
  snprintf(message, sizeof message, "%s", clv_message());
  clv_message_clear();
  run.seconds      = clv_clock() - begin;
  run.is_converged = st != CLV_ECONVERGE;
  if (clv_comm_rank(context->world) == 0) recorded = step_record(step, context, run);
  recorded = clv_comm_agree(context->world, recorded);
  if (recorded < 0) return recorded;
  clv_message_set(message); /* why it did not converge is still to be said */
  return st;
}

clv_status clv_step_check(const clv_step *step, const clv_job_context *context, clv_manifest_verdict *verdict,
                          bool *is_converged) {
  clv_status  st      = CLV_OK;
  facts_owner owner   = {0};
  int32_t     told[2] = {CLV_STEP_NEVER, 1};
  if (clv_comm_rank(context->world) == 0) {
    st = facts_make(step, context, &owner);
    if (st >= 0) st = clv_manifest_check(owner.manifest, &owner.facts, verdict);
    if (st >= 0) told[0] = (int32_t)*verdict, told[1] = clv_manifest_is_converged(owner.manifest, step->job);
    facts_clear(&owner);
  }
  st = clv_comm_agree(context->world, st);
  if (st < 0) return st;
  clv_comm_broadcast(context->world, told, sizeof told, 0);
  *verdict      = (clv_manifest_verdict)told[0];
  *is_converged = told[1] != 0;
  return CLV_OK;
}
