#include "jobs/refit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/nearest.h"
#include "jobs/more.h"
#include "jobs/stage.h"
#include "jobs/stop.h"

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

/* What refit tells a job: memory for an argument vector. */
typedef struct step_arguments {
  char  until_name[8], fresh_name[8], until[24];
  char *argv[2]; /* borrowed from the above */
} step_arguments;

static void __attribute__((format(printf, 2, 3)))
say(const clv_job_context *context, const char *format, ...) {
  va_list args;
  if (context->quiet || clv_comm_rank(context->world) != 0) return;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
}

/* A step that is forced begins anew; fit may be told to go on. Its arguments live as long as `argument`. */
static clv_job_context step_context(const clv_refit_step *at, bool is_forced,
                                    const clv_refit_options *options, const clv_job_context *context,
                                    step_arguments *argument) {
  clv_job_context inner = *context;
  inner.argc            = 0;
  inner.argv            = argument->argv;
  if (!at->job->takes_fresh) return inner;
  if (options->until > 0) {
    snprintf(argument->until, sizeof argument->until, "%zu", options->until);
    argument->argv[inner.argc++] = argument->until_name;
    argument->argv[inner.argc++] = argument->until;
  } else if (is_forced) {
    argument->argv[inner.argc++] = argument->fresh_name;
  }
  return inner;
}

/** @param[in,out] converged  cleared where the step did not converge, now or when it was done */
static clv_status step_do(const clv_refit_step *at, bool is_forced, const clv_refit_options *options,
                          const clv_job_context *context, bool *converged) {
  step_arguments       argument = {.until_name = "--until", .fresh_name = "--fresh"};
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
  const double          begin = clv_clock();
  const clv_job_context inner = step_context(at, is_forced, options, context, &argument);
  st                          = clv_step_run(at->step, at->job, &inner);
  if (st == CLV_ECONVERGE) {
    *converged = false;
    say(context, "%s: %s\n", at->step->job, clv_message()[0] != '\0' ? clv_message() : "not converged");
    clv_message_clear();
    return CLV_OK;
  }
  if (st >= 0) say(context, "%s: done in %.1f s\n", at->step->job, clv_clock() - begin);
  return st;
}

/* A signal to stop that came during a step which does not listen. Collective. */
static clv_status stop_check(const clv_job_context *context, const char *next) {
  if (!clv_stop_agreed(context->world)) return CLV_OK;
  return clv_fail(CLV_EINTERRUPT,
                  "interrupted before %s; what is done is recorded, run the same command again to go on",
                  next);
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
    CLV_TRY(stop_check(context, steps[i].step->job));
    const bool goes_on = options->until > 0 && steps[i].job->takes_fresh;
    CLV_TRY(step_do(&steps[i], is_forced || goes_on, options, context, &converged));
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
    else if (strcmp(text, "--more") == 0) {
      const clv_status st =
          clv_more_read(text, i + 1 < context->argc ? context->argv[i + 1] : NULL, &out->more);
      if (st < 0) return st;
      i++;
    } else if (strncmp(text, "--from=", 7) == 0)
      out->from = text + 7;
    else
      return clv_fail(CLV_EUSAGE,
                      "clv refit does not know the argument '%.200s'; 'clv refit --help' explains", text);
  }
  if (out->more > 0 && (out->is_fresh || out->from != NULL))
    return clv_fail(CLV_EUSAGE, "--more goes with neither --fresh nor --from");
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
  char             *folder = NULL;
  size_t            n      = 0;
  const clv_step   *step   = clv_steps(&n);
  CLV_CHECK(n <= STEPS_MOST);
  CLV_TRY(options_read(context, &options));
  CLV_TRY(clv_comm_agree(context->world, destination_check(context->config)));
  for (size_t i = 0; i < n; i++) {
    steps[i] = (clv_refit_step){.step = &step[i], .job = clv_job_find(step[i].job)};
    if (steps[i].job == NULL && !(step[i].needs_holdout && context->config->data.holdout_end == NULL))
      CLV_TRY(clv_fail(CLV_EUSAGE, "this build of clv has no job '%s'", step[i].job));
  }
  CLV_TRY(clv_comm_agree(context->world, clv_config_run_path(context->config, "checkpoint", &folder)));
  if (options.more > 0) CLV_TRY(clv_more_begin(context->world, folder, options.more, &options.until));
  st = clv_refit_run(steps, n, &options, context);
  if (options.more > 0 && (st == CLV_OK || st == CLV_ECONVERGE) && clv_comm_rank(context->world) == 0)
    clv_more_end(folder);
out:
  free(folder);
  return st;
}

const clv_job CLV_JOB_REFIT = {
    .name = "refit",
    .summary =
        "the whole chain: prepare, fit, diagnose, predict, evaluate, stage; finished steps are not done "
        "again",
    .usage =
        "Works in output.directory/name and records every step in manifest.json there. A step whose inputs, "
        "configuration\n"
        "and outputs are unchanged is skipped. evaluate runs where data.holdout_end is set, stage where "
        "stage.destination is.\n\n"
        "  --fresh       do every step again\n"
        "  --from STEP   do this step and all after it again\n"
        "  --more N      N more draws a chain of the finished fit, then the steps after it\n",
    .needs_config    = true,
    .takes_arguments = true,
    .listens         = true,
    .run             = refit_run,
};
