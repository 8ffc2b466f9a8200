#include "jobs/fit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/models/purchases.h"
#include "engine/numerics/isa.h"
#include "engine/sampler/metric.h"
#include "io/checkpoint.h"
#include "io/shards.h"
#include "io/trace.h"
#include "jobs/covariates.h"
#include "jobs/erlang.h"
#include "jobs/fit_ess.h"
#include "jobs/fit_finer.h"
#include "jobs/fit_latents.h"
#include "jobs/fit_sampler.h"
#include "jobs/progress.h"
#include "jobs/stop.h"
#include "jobs/version.h"

enum { LEG_DRAWS = 50, MOST_VARIABLES = 64 };

/* What the draws depend on, beside the data. */
static const char *const MATTERS[] = {"model",
                                      "data.rescale_factor",
                                      "data.min_transactions",
                                      "sampler.num_chains",
                                      "sampler.num_samples",
                                      "sampler.num_warmup",
                                      "sampler.target_accept",
                                      "sampler.max_tree_depth",
                                      "sampler.seed",
                                      "sampler.save_warmup"};

typedef struct fit {
  const clv_job_context *context;
  const clv_comm        *world;
  const clv_config      *config;
  clv_fit_place          place;                                                     /* owned */
  clv_finer              finer;                                                     /* owned */
  clv_fit_sampler        sampler;                                                   /* owned */
  clv_trace             *trace;                                                     /* owned */
  clv_progress          *progress;                                                  /* owned */
  char                  *portfolio_path, *trace_path, *checkpoint_folder, *matters; /* owned */
  size_t                 n_value, n_warmup, n_draw;                                 /* committed so far */
  double                *value;   /* owned: a leg's values [chain][draw][n_value] */
  clv_trace_stat        *stat;    /* owned, beside them */
  double                *history; /* owned on rank 0: all draws [chain][num_samples][n_value] */
  uint64_t               generation, n_diverging;
  double                 saved_at;
  clv_fit_ess            ess;
} fit;

static bool is_root(const fit *f) { return clv_comm_rank(f->world) == 0; }

static void say(const fit *f, const char *sentence) {
  if (is_root(f) && !f->context->quiet) fprintf(stderr, "fit: %s\n", sentence);
}

static void fit_clear(fit *f) {
  clv_progress_free(&f->progress);
  clv_fit_sampler_free(&f->sampler);
  if (f->trace != NULL) (void)clv_trace_close(&f->trace);
  clv_finer_free(&f->finer);
  clv_fit_place_free(&f->place);
  free(f->portfolio_path);
  free(f->trace_path);
  free(f->checkpoint_folder);
  free(f->matters);
  free(f->value);
  free(f->stat);
  free(f->history);
}

static clv_status fit_name(fit *f) {
  clv_status st;
  CLV_TRY(clv_config_run_path(f->config, "portfolio.h5", &f->portfolio_path));
  CLV_TRY(clv_config_run_path(f->config, "trace.nc", &f->trace_path));
  CLV_TRY(clv_config_run_path(f->config, "checkpoint", &f->checkpoint_folder));
  CLV_TRY(clv_config_extract(f->config, MATTERS, sizeof MATTERS / sizeof *MATTERS, &f->matters));
out:
  return st;
}

static clv_status sampler_make(fit *f) {
  const clv_sampler_plan plan = {.num_chains     = f->config->sampler.num_chains,
                                 .num_warmup     = f->config->sampler.num_warmup,
                                 .num_samples    = f->config->sampler.num_samples,
                                 .target_accept  = f->config->sampler.target_accept,
                                 .max_tree_depth = f->config->sampler.max_tree_depth,
                                 .seed           = f->config->sampler.seed};
  const size_t           leg  = (size_t)plan.num_chains * LEG_DRAWS;
  clv_status             st   = CLV_OK;
  f->n_value                  = clv_model_n_value(&f->place.fit.model);
  CLV_TRY(clv_alloc(leg * f->n_value, sizeof *f->value, (void **)&f->value));
  CLV_TRY(clv_alloc(leg, sizeof *f->stat, (void **)&f->stat));
  if (is_root(f))
    CLV_TRY(clv_alloc((size_t)plan.num_chains * (size_t)plan.num_samples * f->n_value, sizeof *f->history,
                      (void **)&f->history));
out:
  st = clv_comm_agree(f->world, st);
  return st < 0 ? st : clv_fit_sampler_new(&f->place, &plan, &f->sampler);
}

/* ---- the trace ---- */

typedef struct trace_names {
  clv_trace_variable variable[MOST_VARIABLES];
  const char       **segment;                                      /* owned array, borrowed names */
  const char        *covariate[MOST_VARIABLES][CLV_COVARIATE_MAX]; /* borrowed names */
} trace_names;

static clv_status variables_name(const fit *f, trace_names *names, size_t *n) {
  const clv_model           *model = &f->place.fit.model;
  const clv_portfolio_facts *facts = clv_portfolio_facts_get(f->place.portfolio);
  clv_covariate_choice       choice;
  clv_status                 st = CLV_OK;
  *n                            = model->ops->n_variable(model->self);
  CLV_CHECK(*n <= MOST_VARIABLES);
  CLV_TRY(clv_alloc(facts->n_segment, sizeof *names->segment, (void **)&names->segment));
  CLV_TRY(clv_covariate_choice_make(f->config, f->place.portfolio, &choice));
  for (size_t i = 0; i < facts->n_segment; i++)
    names->segment[i] = clv_portfolio_segment(f->place.portfolio, i);
  for (size_t i = 0; i < *n; i++) {
    clv_variable v;
    model->ops->variable(model->self, i, &v);
    clv_trace_variable *to = &names->variable[i];
    *to                    = (clv_trace_variable){.length = v.length};
    snprintf(to->name, sizeof to->name, "%s", v.name);
    snprintf(to->dimension, sizeof to->dimension, "%s", v.dimension);
    if (strcmp(v.dimension, "segment") == 0 && v.length == facts->n_segment)
      to->label = names->segment;
    else
      to->label = clv_covariate_labels(&choice, f->place.portfolio, v.dimension, names->covariate[i]);
  }
out:
  return st;
}

static void now_print(char *text, size_t size) {
  const time_t now = time(NULL);
  struct tm    parts;
  gmtime_r(&now, &parts);
  strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

static clv_status trace_begin(fit *f, bool resume) {
  static const char *const   COLUMN[] = {"frequency", "recency", "T", "monetary_value"};
  const clv_config          *c        = f->config;
  const clv_portfolio_facts *facts    = clv_portfolio_facts_get(f->place.portfolio);
  trace_names               *names    = NULL;
  char                       model[160], name[CLV_NAME_MAX], seed[32], now[40];
  const size_t               n_dim = f->place.fit.model.ops->n_dim(f->place.fit.model.self);
  size_t                     n     = 0;
  clv_status                 st    = clv_calloc(1, sizeof *names, (void **)&names);
  if (st == CLV_OK) st = variables_name(f, names, &n);
  CLV_TRY(clv_comm_agree(f->world, st));
  clv_purchases_name(c->model.purchases, c->model.erlang_k, name);
  snprintf(model, sizeof model, "%s + %s", name, c->model.spend);
  snprintf(seed, sizeof seed, "%llu", (unsigned long long)c->sampler.seed);
  now_print(now, sizeof now);
  clv_comm_broadcast(f->world, now, sizeof now, 0);
  const clv_trace_attribute attribute[] = {{"created_at", now},
                                           {"inference_library", "clv"},
                                           {"inference_library_version", clv_version_text()},
                                           {"model", model},
                                           {"seed", seed},
                                           {"portfolio", facts->content},
                                           {"time_unit", facts->time_unit},
                                           {"observation_end", facts->observation_end}};
  const clv_trace_constant  constant[]  = {{"rescale_factor", c->data.rescale_factor},
                                           {"min_transactions", c->data.min_transactions},
                                           {"target_accept", c->sampler.target_accept},
                                           {"num_warmup", c->sampler.num_warmup}};
  const clv_trace_plan      plan        = {.n_chain     = (size_t)c->sampler.num_chains,
                                           .n_draw      = (size_t)c->sampler.num_samples,
                                           .n_warmup    = c->sampler.save_warmup ? (size_t)c->sampler.num_warmup : 0,
                                           .n_variable  = n,
                                           .variable    = names->variable,
                                           .n_dim       = n_dim,
                                           .diagonal    = !clv_metric_is_dense(n_dim),
                                           .n_attribute = sizeof attribute / sizeof *attribute,
                                           .attribute   = attribute,
                                           .n_constant  = sizeof constant / sizeof *constant,
                                           .constant    = constant,
                                           .n_observed  = facts->n_customer,
                                           .n_column    = 4,
                                           .column      = COLUMN};
  if (resume)
    CLV_TRY(clv_trace_resume(f->world, f->trace_path, &plan, c->sampler.save_warmup ? f->n_warmup : 0,
                             f->n_draw, &f->trace));
  else
    CLV_TRY(clv_trace_create(f->world, f->trace_path, &plan, &f->trace));
out:
  if (names != NULL) free(names->segment);
  free(names);
  return st;
}

/* /observed_data, by all ranks of the world, each its slice. */
static clv_status trace_observe(fit *f) {
  clv_portfolio       *portfolio = NULL;
  uint64_t             first, last;
  double              *frequency = NULL;
  clv_customer_columns c         = {0};
  clv_status           st        = CLV_OK;
  clv_slice_of(clv_portfolio_facts_get(f->place.portfolio)->n_customer, clv_comm_rank(f->world),
               clv_comm_size(f->world), &first, &last);
  CLV_TRY(clv_portfolio_open(f->world, f->portfolio_path, &portfolio));
  CLV_TRY(clv_portfolio_read_customers(portfolio, first, last - first, &c));
  CLV_TRY(clv_comm_agree(f->world, clv_alloc(last - first + 1, sizeof *frequency, (void **)&frequency)));
  for (uint64_t i = 0; i < last - first; i++) frequency[i] = (double)c.x[i];
  const double *const column[] = {frequency, c.t_x, c.T, c.spend};
  for (size_t k = 0; k < 4; k++) CLV_TRY(clv_trace_observe(f->trace, k, first, last - first, column[k]));
out:
  free(frequency);
  clv_customer_columns_free(&c);
  clv_portfolio_close(&portfolio);
  return st;
}

/* ---- checkpoints ---- */

static clv_status checkpoint_save(fit *f) {
  clv_checkpoint now = {.n_warmup = f->n_warmup,
                        .n_draw   = f->n_draw,
                        .config   = f->matters,
                        .done     = f->n_draw == (size_t)f->config->sampler.num_samples};
  clv_status     st  = CLV_OK;
  snprintf(now.data, sizeof now.data, "%s", clv_portfolio_facts_get(f->place.portfolio)->content);
  clv_comm_broadcast(f->world, &f->generation, sizeof f->generation, 0);
  CLV_TRY(clv_fit_sampler_save(&f->sampler, now.done ? NULL : f->checkpoint_folder, f->generation + 1,
                               &now.state, &now.n_state));
  if (is_root(f)) st = clv_checkpoint_write(f->checkpoint_folder, &now, &f->generation);
  if (is_root(f) && now.done) clv_shards_remove(f->checkpoint_folder);
  CLV_TRY(clv_comm_agree(f->world, st));
  f->saved_at = clv_clock();
out:
  free(now.state);
  return st;
}

static clv_status checkpoint_refuse(const fit *f, const clv_checkpoint *found) {
  char key[64];
  if (strcmp(found->data, clv_portfolio_facts_get(f->place.portfolio)->content) != 0)
    return clv_fail(CLV_EUSAGE,
                    "'%s' holds an unfinished fit of other data; finish it with the data it began with, or "
                    "start over with --fresh",
                    f->checkpoint_folder);
  if (clv_checkpoint_differs(found->config, f->matters, key))
    return clv_fail(
        CLV_EUSAGE,
        "'%s' holds an unfinished fit with another %s; set it back to go on, or start over with --fresh",
        f->checkpoint_folder, key);
  return CLV_OK;
}

static clv_status history_restore(fit *f) {
  clv_draws   *draws   = NULL;
  const size_t planned = (size_t)f->config->sampler.num_samples;
  clv_status   st      = CLV_OK;
  CLV_TRY(clv_draws_read(f->world, f->trace_path, &draws));
  for (size_t c = 0; f->history != NULL && c < draws->n_chain; c++)
    memcpy(f->history + c * planned * f->n_value, draws->value + c * draws->n_draw * f->n_value,
           (draws->n_draw < f->n_draw ? draws->n_draw : f->n_draw) * f->n_value * sizeof *f->history);
  for (size_t i = 0; i < draws->n_chain * draws->n_draw; i++) f->n_diverging += draws->stat[i].diverging != 0;
out:
  clv_draws_free(&draws);
  return st;
}

static bool asks_fresh(const clv_job_context *context) {
  for (int i = 0; i < context->argc; i++)
    if (strcmp(context->argv[i], "--fresh") == 0) return true;
  return false;
}

/* Goes on from a checkpoint where there is an unfinished one. */
static clv_status resume_try(fit *f, bool *resumed) {
  clv_checkpoint *found = NULL;
  char            fallback[256], sentence[128];
  clv_status      st = CLV_OK;
  *resumed           = false;
  CLV_TRY(clv_checkpoint_read(f->world, f->checkpoint_folder, &found, &f->generation, fallback));
  if (fallback[0] != '\0') say(f, fallback);
  if (found == NULL || found->done || asks_fresh(f->context)) goto out;
  CLV_TRY(checkpoint_refuse(f, found));
  CLV_TRY(clv_fit_sampler_restore(&f->sampler, f->checkpoint_folder, f->generation, found->state,
                                  found->n_state));
  f->n_warmup = found->n_warmup, f->n_draw = found->n_draw;
  CLV_TRY(trace_begin(f, true));
  CLV_TRY(history_restore(f));
  snprintf(sentence, sizeof sentence, "going on after %zu warm-up and %zu sampling draws a chain",
           f->n_warmup, f->n_draw);
  say(f, sentence);
  *resumed = true;
out:
  clv_checkpoint_free(&found);
  return st;
}

/* ---- the run ---- */

static bool round_watch(void *context, const clv_sampler_progress *at) {
  fit       *f      = context;
  const long groups = clv_topology_n_group(f->place.topology); /* this group's draws stand for all */
  const clv_progress_facts facts = {
      .divergences = f->n_diverging + (at->warmup ? 0 : (uint64_t)at->divergences),
      .step_size   = at->step_size,
      .ess         = f->ess.least,
      .is_sampling = !at->warmup};
  const long     chains = f->config->sampler.num_chains;
  const uint64_t before = at->warmup ? 0 : (uint64_t)f->config->sampler.num_warmup * (uint64_t)chains;
  const uint64_t done   = before + (uint64_t)(at->draws * groups);
  if (clv_stop_status_asked())
    clv_progress_tell(f->progress, done, &facts);
  else
    clv_progress_update(f->progress, done, &facts);
  return clv_stop_wanted();
}

static void leg_translate(fit *f, const clv_leg *leg) {
  const clv_model *model   = &f->place.fit.model;
  const size_t     planned = (size_t)f->config->sampler.num_samples;
  for (size_t c = 0; c < (size_t)leg->n_chain; c++)
    for (size_t d = 0; d < (size_t)leg->n_draw; d++) {
      const size_t         row  = c * (size_t)leg->n_draw + d;
      const clv_draw_stat *from = &leg->stat[row];
      model->ops->constrain(model->self, leg->phi + row * leg->dim, f->value + row * f->n_value);
      f->stat[row] = (clv_trace_stat){.lp                    = from->lp,
                                      .energy                = from->energy,
                                      .energy_error          = from->energy_error,
                                      .acceptance_rate       = from->acceptance_rate,
                                      .step_size             = from->step_size,
                                      .tree_depth            = from->tree_depth,
                                      .n_steps               = from->n_steps,
                                      .diverging             = from->diverging,
                                      .reached_max_treedepth = from->reached_max_treedepth};
      if (leg->warmup || f->history == NULL) continue;
      memcpy(f->history + (c * planned + f->n_draw + d) * f->n_value, f->value + row * f->n_value,
             f->n_value * sizeof *f->value);
    }
}

static clv_status leg_commit(fit *f, const clv_leg *leg) {
  clv_status st = CLV_OK;
  leg_translate(f, leg);
  if (!leg->warmup || f->config->sampler.save_warmup)
    CLV_TRY(clv_trace_append(f->trace, leg->warmup, (size_t)leg->n_draw, f->value, f->stat));
  if (!leg->warmup)
    CLV_TRY(
        clv_finer_keep(&f->finer, &f->place.fit.model, (size_t)leg->n_chain, (size_t)leg->n_draw, leg->phi));
  *(leg->warmup ? &f->n_warmup : &f->n_draw) += (size_t)leg->n_draw;
out:
  return st;
}

static clv_status tuning_write(fit *f, size_t dim) {
  const size_t width      = clv_metric_is_dense(dim) ? dim * dim : dim;
  double      *inv_metric = NULL, step_size;
  clv_status   st         = clv_alloc(width, sizeof *inv_metric, (void **)&inv_metric);
  CLV_TRY(clv_comm_agree(f->world, st));
  clv_fit_sampler_tuning(&f->sampler, &step_size, inv_metric);
  CLV_TRY(clv_trace_tuning(f->trace, step_size, inv_metric));
out:
  free(inv_metric);
  return st;
}

/* The clock is one rank's: whether to save must not differ between them. */
static bool is_time_to_save(const fit *f) {
  int64_t due = is_root(f) && clv_clock() - f->saved_at >= f->config->sampler.checkpoint_every;
  clv_comm_max_i64(f->world, &due, 1);
  return due != 0;
}

static clv_status draws_make(fit *f) {
  const clv_sampler_watch watch = {.context = f, .round = round_watch};
  clv_leg                 leg;
  clv_status              st = CLV_OK;
  for (;;) {
    CLV_TRY(clv_fit_sampler_run(&f->sampler, LEG_DRAWS, &watch, &leg));
    if (leg.n_draw == 0) break;
    const bool first_sampled = !leg.warmup && leg.first == 0;
    CLV_TRY(leg_commit(f, &leg));
    if (first_sampled) CLV_TRY(tuning_write(f, leg.dim));
    clv_fit_ess_look(&f->ess, f->history, (size_t)f->config->sampler.num_chains,
                     (size_t)f->config->sampler.num_samples, f->n_value, f->n_draw);
    if (is_time_to_save(f)) CLV_TRY(checkpoint_save(f));
  }
  if (f->sampler.latent != NULL)
    CLV_TRY(clv_fit_latents_write(&f->sampler, f->config,
                                  (long)f->config->sampler.num_chains * f->config->sampler.num_samples));
  CLV_TRY(checkpoint_save(f));
out:
  return st;
}

static clv_status interrupted(fit *f) {
  clv_status st = checkpoint_save(f);
  if (st < 0) return st;
  clv_message_clear();
  return clv_fail(
      CLV_EINTERRUPT,
      "interrupted after %zu of %d draws a chain; the state is saved, run the same command again to go on",
      f->n_draw, f->config->sampler.num_samples);
}

static void facts_say(const fit *f) {
  const clv_portfolio_facts *facts = clv_portfolio_facts_get(f->place.portfolio);
  const clv_model           *model = &f->place.fit.model;
  char                       line[256];
  snprintf(line, sizeof line,
           "%llu customers, %llu distinct histories; %s + %s; %d chains in %d group%s on %d rank%s, %s",
           (unsigned long long)facts->n_customer, (unsigned long long)facts->n_cell,
           f->config->model.purchases, f->config->model.spend, f->config->sampler.num_chains,
           clv_topology_n_group(f->place.topology), clv_topology_n_group(f->place.topology) == 1 ? "" : "s",
           clv_comm_size(f->world), clv_comm_size(f->world) == 1 ? "" : "s", clv_isa_name(clv_isa_best()));
  say(f, line);
  if (strcmp(f->config->model.spend, "none") != 0 && f->place.fit.n_spends == 0)
    say(f,
        "no customer bought again with an amount: the spend model has no data, p, q and v are draws from "
        "their prior");
  for (size_t i = 0;
       model->ops->prior_line != NULL && model->ops->prior_line(model->self, i, line, sizeof line); i++)
    say(f, line);
}

static clv_status fit_begin(fit *f) {
  const uint64_t chains = (uint64_t)f->config->sampler.num_chains;
  const uint64_t total  = chains * (uint64_t)(f->config->sampler.num_warmup + f->config->sampler.num_samples);
  bool           resumed;
  clv_status     st;
  CLV_TRY(clv_comm_agree(f->world, fit_name(f)));
  CLV_TRY(clv_fit_place_new(f->world, f->portfolio_path, f->config, &f->place));
  facts_say(f);
  CLV_TRY(sampler_make(f));
  CLV_TRY(resume_try(f, &resumed));
  if (!resumed) {
    if (is_root(f)) clv_checkpoint_remove(f->checkpoint_folder), clv_shards_remove(f->checkpoint_folder);
    CLV_TRY(trace_begin(f, false));
    CLV_TRY(trace_observe(f));
  }
  f->saved_at = f->ess.at = clv_clock();
  CLV_TRY(
      clv_comm_agree(f->world, clv_progress_new(f->world, "fit", total, f->context->quiet, &f->progress)));
out:
  return st;
}

static clv_status fit_run(const clv_job_context *context) {
  fit f = {.context = context, .world = context->world, .config = context->config, .ess = {.least = NAN}};
  clv_config chosen = *context->config;
  clv_status st     = CLV_OK;
  for (int i = 0; i < context->argc; i++)
    if (strcmp(context->argv[i], "--fresh") != 0)
      CLV_TRY(
          clv_fail(CLV_EUSAGE, "clv fit does not know '%.64s'; its one option is --fresh", context->argv[i]));
  clv_stop_listen();
  if (clv_erlang_is_open(&chosen)) {
    CLV_TRY(clv_erlang_choose(context, asks_fresh(context), &chosen.model.erlang_k));
    f.config = &chosen;
  }
  CLV_TRY(fit_begin(&f));
  st = draws_make(&f);
  if (st == CLV_EINTERRUPT) st = interrupted(&f);
  CLV_TRY(st);
  clv_progress_finish(f.progress);
  CLV_TRY(clv_finer_say(&f.finer, &f.place, is_root(&f) && !context->quiet));
  CLV_TRY(clv_trace_close(&f.trace));
out:
  fit_clear(&f);
  return st;
}

const clv_job CLV_JOB_FIT = {
    .name            = "fit",
    .summary         = "sample the posterior: portfolio.h5 to trace.nc",
    .usage           = "  --fresh   start over, whatever checkpoint there is\n",
    .needs_config    = true,
    .takes_arguments = true,
    .run             = fit_run,
};
