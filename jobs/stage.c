#include "jobs/stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/stage.h"
#include "jobs/step.h"

clv_status clv_stage_target(const clv_config *config, char **out) {
  char      *directory = NULL;
  clv_status st        = clv_stage_directory(config->stage.destination, &directory);
  if (st >= 0) {
    const size_t length = strlen(directory) + strlen(config->name) + 2;
    st                  = clv_alloc(length, 1, (void **)out);
    if (st >= 0) snprintf(*out, length, "%s/%s", directory, config->name);
  }
  free(directory);
  return st;
}

/** Results that belong together, in place; extras that were made from something else are left out. */
static clv_status results_choose(const clv_job_context *context, clv_manifest_result *result, size_t *n) {
  size_t kept = 0;
  for (size_t i = 0; i < *n; i++) {
    const clv_step *step = clv_step_find(result[i].step);
    if (result[i].stale == NULL) {
      result[kept++] = result[i];
      continue;
    }
    if (step != NULL && !step->is_extra)
      return clv_fail(
          CLV_EDATA, "clv %s was run with another %s than the one there now; run clv refit again, then stage",
          result[i].step, result[i].stale);
    if (!context->quiet)
      fprintf(stderr, "stage: '%s' is left out: clv %s was run with another %s\n", result[i].name,
              result[i].step, result[i].stale);
  }
  *n = kept;
  return CLV_OK;
}

static bool is_converged(const clv_manifest *manifest) {
  size_t          n    = 0;
  const clv_step *step = clv_steps(&n);
  for (size_t i = 0; i < n; i++)
    if (!step[i].stages && !clv_manifest_is_converged(manifest, step[i].job)) return false;
  return true;
}

/** On rank 0 alone. */
static clv_status results_stage(const clv_job_context *context) {
  const clv_config    *config = context->config;
  clv_status           st     = CLV_OK;
  char                *run = NULL, *directory = NULL;
  clv_manifest        *manifest = NULL;
  clv_manifest_result *result   = NULL;
  clv_stage_facts      facts;
  size_t               n = 0;
  CLV_TRY(clv_stage_directory(config->stage.destination, &directory));
  CLV_TRY(clv_config_run_path(config, NULL, &run));
  CLV_TRY(clv_manifest_open(run, NULL, &manifest));
  CLV_TRY(clv_manifest_results(manifest, &result, &n));
  if (n == 0)
    CLV_TRY(clv_fail(CLV_EDATA, "'%.400s' has no finished results to stage; run clv refit first", run));
  CLV_TRY(results_choose(context, result, &n));
  CLV_TRY(clv_stage_copy(run, directory, config->name, manifest, result, n, &facts));
  if (!context->quiet)
    fprintf(stderr, "stage: %llu files, %.1f MiB, each compared with its SHA-256, in %s/%s\n",
            (unsigned long long)facts.files, (double)facts.bytes / 1048576.0, directory, config->name);
  if (!is_converged(manifest))
    st = clv_fail(
        CLV_ECONVERGE,
        "staged, but the chains did not converge: the staged manifest.json says so, diagnostics.json says "
        "where");
out:
  free(result);
  clv_manifest_free(&manifest);
  free(run);
  free(directory);
  return st;
}

static clv_status stage_run(const clv_job_context *context) {
  clv_status st = CLV_OK;
  if (context->config->stage.destination == NULL)
    return clv_fail(CLV_EUSAGE,
                    "stage.destination is not set: where to? Such as --set stage.destination=/srv/results");
  if (clv_comm_rank(context->world) == 0) st = results_stage(context);
  return clv_comm_agree(context->world, st);
}

const clv_job CLV_JOB_STAGE = {
    .name    = "stage",
    .summary = "finished results to stage.destination, whole or not at all",
    .usage =
        "Copies the results that manifest.json records, and config.yaml, to stage.destination/name: a "
        "directory, as\n"
        "/path or file:///path. Each copy is compared with its SHA-256 on record. manifest.json comes last, "
        "and the\n"
        "directory appears by one rename: readers see the results before, or the new ones, never a "
        "mixture.\n",
    .needs_config = true,
    .run          = stage_run,
};
