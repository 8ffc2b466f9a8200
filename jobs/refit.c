#include "jobs/refit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/nearest.h"
#include "jobs/stage.h"

enum { STEPS_MOST = 16 };

static const char *verdict_text(clv_manifest_verdict verdict) {
  switch (verdict) {
    case CLV_STEP_CURRENT:
      return "done before, same inputs";
    case CLV_STEP_NEVER:
      return "running";
    case CLV_STEP_VERSION:
      return "running again: another version of clv did it";
    case CLV_STEP_CONFIG:
      return "running again: its configuration changed";
    case CLV_STEP_INPUTS:
      return "running again: its inputs changed";
    case CLV_STEP_OUTPUTS:
      return "running again: its outputs were changed or removed";
  }
  return "";
}

static void __attribute__((format(printf, 2, 3)))
say(const clv_job_context *context, const char *format, ...) {
  va_list args;
  if (context->quiet || clv_comm_rank(context->world) != 0) return;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
}

/** @param[in,out] converged  cleared where the step did not converge, now or when it was done */
static clv_status step_do(const clv_refit_step *at, bool is_forced, const clv_job_context *context,
                          bool *converged) {
  clv_manifest_verdict verdict  = CLV_STEP_NEVER;
  bool                 recorded = true;
  clv_status           st       = is_forced ? CLV_OK : clv_step_check(at->step, context, &verdict, &recorded);
  if (st < 0) return st;
  say(context, "%s: %s%s\n", at->step->job, is_forced ? "running again: as asked" : verdict_text(verdict),
      verdict == CLV_STEP_CURRENT && !recorded ? " (not converged)" : "");
  if (verdict == CLV_STEP_CURRENT) {
    *converged = *converged && recorded;
    return CLV_OK;
  }
  const double begin = clv_clock();
  st                 = clv_step_run(at->step, at->job, context);
  if (st == CLV_ECONVERGE) {
    *converged = false;
    say(context, "%s: %s\n", at->step->job, clv_message()[0] != '\0' ? clv_message() : "not converged");
    clv_message_clear();
    return CLV_OK;
  }
  if (st >= 0) say(context, "%s: done in %.1f s\n", at->step->job, clv_clock() - begin);
  return st;
}

clv_status clv_refit_run(const clv_refit_step *steps, size_t n, const clv_refit_options *options,
                         const clv_job_context *context) {
  clv_status st        = CLV_OK;
  bool       is_forced = options->is_fresh, converged = true;
  for (size_t i = 0; i < n; i++) {
    if (options->from != NULL && strcmp(options->from, steps[i].step->job) == 0) is_forced = true;
    if (steps[i].step->is_extra) continue;
    if (steps[i].step->needs_holdout && context->config->data.holdout_end == NULL) continue;
    if (steps[i].step->stages && context->config->stage.destination == NULL) continue;
    CLV_TRY(step_do(&steps[i], is_forced, context, &converged));
  }
  if (!converged)
    st = clv_fail(CLV_ECONVERGE,
                  "done, but the chains did not converge (diagnostics.json says where); results are written: "
                  "draw more samples, "
                  "or raise sampler.target_accept");
out:
  return st;
}

/* ---- the job ---- */

static clv_status options_read(const clv_job_context *context, clv_refit_options *out) {
  size_t          n    = 0;
  const clv_step *step = clv_steps(&n);
  for (int i = 0; i < context->argc; i++) {
    const char *text = context->argv[i];
    if (strcmp(text, "--fresh") == 0)
      out->is_fresh = true;
    else if (strcmp(text, "--from") == 0 && i + 1 < context->argc)
      out->from = context->argv[++i];
    else if (strncmp(text, "--from=", 7) == 0)
      out->from = text + 7;
    else
      return clv_fail(CLV_EUSAGE,
                      "clv refit does not know the argument '%.200s'; 'clv refit --help' explains", text);
  }
  const clv_step *from = out->from == NULL ? NULL : clv_step_find(out->from);
  if (out->from == NULL || (from != NULL && !from->is_extra)) return CLV_OK;
  clv_nearest nearest = clv_nearest_begin(out->from);
  for (size_t i = 0; i < n; i++)
    if (!step[i].is_extra) clv_nearest_offer(&nearest, step[i].job);
  return clv_fail(
      CLV_EUSAGE,
      "--from '%.100s' is no step%s%s%s; the steps are prepare, fit, diagnose, predict, evaluate, "
      "stage",
      out->from, nearest.name == NULL ? "" : " (did you mean '", nearest.name == NULL ? "" : nearest.name,
      nearest.name == NULL ? "" : "'?)");
}

/** A destination that cannot be reached is said before hours of work, not after. Not collective. */
static clv_status destination_check(const clv_config *config) {
  char            *target = NULL;
  const clv_status st     = config->stage.destination == NULL ? CLV_OK : clv_stage_target(config, &target);
  free(target);
  return st;
}

static clv_status refit_run(const clv_job_context *context) {
  clv_status        st      = CLV_OK;
  clv_refit_options options = {0};
  clv_refit_step    steps[STEPS_MOST];
  clv_job_context   inner = *context;
  size_t            n     = 0;
  const clv_step   *step  = clv_steps(&n);
  CLV_CHECK(n <= STEPS_MOST);
  CLV_TRY(options_read(context, &options));
  CLV_TRY(clv_comm_agree(context->world, destination_check(context->config)));
  for (size_t i = 0; i < n; i++) {
    steps[i] = (clv_refit_step){.step = &step[i], .job = clv_job_find(step[i].job)};
    if (steps[i].job == NULL && !(step[i].needs_holdout && context->config->data.holdout_end == NULL))
      CLV_TRY(clv_fail(CLV_EUSAGE, "this build of clv has no job '%s'", step[i].job));
  }
  inner.argc = 0;
  CLV_TRY(clv_refit_run(steps, n, &options, &inner));
out:
  return st;
}

const clv_job CLV_JOB_REFIT = {
    .name = "refit",
    .summary =
        "The whole chain: prepare, fit, diagnose, predict, evaluate, stage; finished steps are not done "
        "again.",
    .usage =
        "Works in output.directory/name and records every step in manifest.json there. A step whose inputs, "
        "configuration\n"
        "and outputs are unchanged is skipped. evaluate runs where data.holdout_end is set, stage where "
        "stage.destination is.\n\n"
        "  --fresh       do every step again\n"
        "  --from STEP   do this step and all after it again\n",
    .needs_config    = true,
    .takes_arguments = true,
    .run             = refit_run,
};
