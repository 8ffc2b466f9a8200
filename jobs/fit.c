#include "jobs/fit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/numerics/isa.h"
#include "engine/sampler/metric.h"
#include "io/files.h"
#include "io/shards.h"
#include "jobs/covariates.h"
#include "jobs/erlang.h"
#include "jobs/fit_draws.h"
#include "jobs/fit_resume.h"
#include "jobs/more.h"
#include "jobs/version.h"
#include "jobs/warm_start.h"

enum {
  MOST_VARIABLES = 64,
  MOST_KEPT      = 1000,
  LABEL          = 24,
  VARIABLES_TEXT = MOST_VARIABLES * (CLV_NAME_MAX + 16)
};

/* What the draws depend on, beside the data and the version. Their number is not among it: a longer run
 * begins with the draws of a shorter one. */
static const char *const MATTERS[] = {"model",
                                      "data.rescale_factor",
                                      "data.min_transactions",
                                      "sampler.num_chains",
                                      "sampler.num_warmup",
                                      "sampler.target_accept",
                                      "sampler.max_tree_depth",
                                      "sampler.seed",
                                      "sampler.save_warmup",
                                      "sampler.warm_start"};

typedef clv_fit_run fit;

static bool is_root(const fit *f) { return clv_comm_rank(f->world) == 0; }

void clv_fit_say(const fit *f, const char *sentence) {
  if (is_root(f) && !f->context->quiet) fprintf(stderr, "fit: %s\n", sentence);
}

static void fit_clear(fit *f) {
  clv_progress_free(&f->progress);
  clv_fit_sampler_free(&f->sampler);
  if (f->trace != NULL) (void)clv_trace_close(&f->trace);
  clv_finer_free(&f->finer);
  clv_fit_place_free(&f->place);
  clv_kept_customers_free(&f->kept);
  free(f->portfolio_path);
  free(f->trace_path);
  free(f->checkpoint_folder);
  free(f->matters);
  free(f->value);
  free(f->stat);
  free(f->history);
  free(f->last_phi);
}

static clv_status version_matters(fit *f) {
  char *both = NULL;
  if (asprintf(&both, "%sversion: %s\n", f->matters, clv_version_text()) < 0)
    return clv_fail(CLV_ENOMEM, "no memory for the configuration");
  free(f->matters);
  f->matters = both;
  return CLV_OK;
}

/* A draw depends on the plug-in's code, not on its path alone. */
static clv_status plugin_matters(fit *f) {
  clv_digest digest;
  char      *both = NULL;
  clv_status st   = clv_file_digest(f->config->model.plugin, &digest);
  if (st < 0) return st;
  if (asprintf(&both, "%smodel.plugin (its content): %s\n", f->matters, digest.hex) < 0)
    return clv_fail(CLV_ENOMEM, "no memory for the configuration");
  free(f->matters);
  f->matters = both;
  return CLV_OK;
}

static clv_status fit_name(fit *f) {
  clv_status st;
  CLV_TRY(clv_config_run_path(f->config, "portfolio.h5", &f->portfolio_path));
  CLV_TRY(clv_config_run_path(f->config, "trace.nc", &f->trace_path));
  CLV_TRY(clv_config_run_path(f->config, "checkpoint", &f->checkpoint_folder));
  CLV_TRY(clv_config_extract(f->config, MATTERS, sizeof MATTERS / sizeof *MATTERS, &f->matters));
  CLV_TRY(version_matters(f));
  if (f->config->model.plugin != NULL) CLV_TRY(plugin_matters(f));
out:
  return st;
}

static size_t n_latent_of(const fit *f) {
  return f->place.fit.latent == NULL ? 0 : f->place.fit.latent->n_latent(f->place.fit.model.self);
}

/* Where customers are sampled the draws of those that predict.keep_customers names are the sampler's own: the
 * trace keeps them, and which they are matters to a checkpoint. Collective. */
static clv_status kept_find(fit *f) {
  static const char *const KEPT[] = {"predict.keep_customers"};
  char                    *lines = NULL, *both = NULL;
  clv_status               st = CLV_OK;
  if (f->place.fit.latent == NULL) return CLV_OK;
  CLV_TRY(clv_kept_customers_find(f->world, f->place.portfolio, f->config, &f->kept));
  if (f->kept.n > MOST_KEPT) {
    clv_fit_say(f,
                "predict.keep_customers are more than the 1000 whose draws a trace can keep: it keeps none");
    clv_kept_customers_free(&f->kept);
  }
  st = clv_config_extract(f->config, KEPT, 1, &lines);
  if (st == CLV_OK && asprintf(&both, "%s%s", f->matters, lines) < 0)
    both = NULL, st = clv_fail(CLV_ENOMEM, "no memory for the configuration");
  CLV_TRY(clv_comm_agree(f->world, st));
  free(f->matters);
  f->matters = both, both = NULL;
out:
  free(lines);
  free(both);
  return st;
}

static clv_status sampler_make(fit *f) {
  const clv_sampler_plan plan = {.num_chains     = f->config->sampler.num_chains,
                                 .num_warmup     = f->num_warmup,
                                 .num_samples    = (int)f->n_planned,
                                 .target_accept  = f->config->sampler.target_accept,
                                 .max_tree_depth = f->config->sampler.max_tree_depth,
                                 .seed           = f->config->sampler.seed};
  const size_t           leg  = (size_t)plan.num_chains * CLV_FIT_LEG_DRAWS;
  clv_status             st   = CLV_OK;
  f->n_value                  = clv_model_n_value(&f->place.fit.model);
  f->n_row                    = f->n_value + n_latent_of(f) * f->kept.n;
  CLV_TRY(clv_alloc(leg * f->n_row, sizeof *f->value, (void **)&f->value));
  CLV_TRY(clv_alloc(leg, sizeof *f->stat, (void **)&f->stat));
  CLV_TRY(clv_calloc((size_t)plan.num_chains,
                     f->place.fit.model.ops->n_dim(f->place.fit.model.self) * sizeof *f->last_phi,
                     (void **)&f->last_phi));
  if (is_root(f))
    CLV_TRY(clv_alloc((size_t)plan.num_chains * f->n_planned * f->n_value, sizeof *f->history,
                      (void **)&f->history));
out:
  st = clv_comm_agree(f->world, st);
  return st < 0 ? st : clv_fit_sampler_new(&f->place, &plan, f->kept.index, f->kept.n, &f->sampler);
}

/* ---- the trace ---- */

typedef struct trace_names {
  clv_trace_variable variable[MOST_VARIABLES];
  const char       **segment;                                      /* owned array, borrowed names */
  const char        *covariate[MOST_VARIABLES][CLV_COVARIATE_MAX]; /* borrowed names */
  const char        *customer[MOST_KEPT];                          /* borrowed from number */
  char               number[MOST_KEPT][LABEL]; /* kept customers' places in the portfolio: ids stay there */
} trace_names;

static void kept_name(const fit *f, trace_names *names, size_t *n) {
  if (f->kept.n == 0) return;
  for (size_t i = 0; i < f->kept.n; i++) {
    snprintf(names->number[i], LABEL, "%llu", (unsigned long long)f->kept.index[i]);
    names->customer[i] = names->number[i];
  }
  for (size_t k = 0; k < n_latent_of(f); k++) {
    clv_trace_variable *to = &names->variable[(*n)++];
    *to =
        (clv_trace_variable){.length = f->kept.n, .dimension = CLV_TRACE_CUSTOMER, .label = names->customer};
    snprintf(to->name, sizeof to->name, "%s", f->place.fit.latent->latent_name(f->place.fit.model.self, k));
  }
}

static clv_status variables_name(const fit *f, trace_names *names, size_t *n) {
  const clv_model           *model = &f->place.fit.model;
  const clv_portfolio_facts *facts = clv_portfolio_facts_get(f->place.portfolio);
  clv_covariate_choice       choice;
  clv_status                 st = CLV_OK;
  *n                            = model->ops->n_variable(model->self);
  CLV_CHECK(*n + n_latent_of(f) <= MOST_VARIABLES);
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
  kept_name(f, names, n);
out:
  return st;
}

/* "r alpha[3] …": what a warm start compares. */
static void variables_print(const fit *f, char *text, size_t size) {
  const clv_model *model = &f->place.fit.model;
  const size_t     n     = model->ops->n_variable(model->self);
  size_t           used  = 0;
  text[0]                = '\0';
  for (size_t i = 0; i < n && used < size; i++) {
    clv_variable v;
    model->ops->variable(model->self, i, &v);
    used += (size_t)snprintf(text + used, size - used, v.dimension[0] == '\0' ? "%s%s" : "%s%s[%zu]",
                             i == 0 ? "" : " ", v.name, v.length);
  }
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
  char                       variables[VARIABLES_TEXT], seed[32], now[40];
  const size_t               n_dim = f->place.fit.model.ops->n_dim(f->place.fit.model.self);
  size_t                     n     = 0;
  clv_status                 st    = clv_calloc(1, sizeof *names, (void **)&names);
  if (st == CLV_OK) st = variables_name(f, names, &n);
  CLV_TRY(clv_comm_agree(f->world, st));
  variables_print(f, variables, sizeof variables);
  snprintf(seed, sizeof seed, "%llu", (unsigned long long)c->sampler.seed);
  now_print(now, sizeof now);
  clv_comm_broadcast(f->world, now, sizeof now, 0);
  const clv_trace_attribute attribute[] = {{"created_at", now},
                                           {"inference_library", "clv"},
                                           {"inference_library_version", clv_version_text()},
                                           {"model", f->place.fit.name},
                                           {"variables", variables},
                                           {"seed", seed},
                                           {"portfolio", facts->content},
                                           {"time_unit", facts->time_unit},
                                           {"observation_end", facts->observation_end}};
  const clv_trace_constant  constant[]  = {{"rescale_factor", c->data.rescale_factor},
                                           {"min_transactions", c->data.min_transactions},
                                           {"target_accept", c->sampler.target_accept},
                                           {"num_warmup", f->num_warmup}};
  const clv_trace_plan      plan        = {.n_chain     = (size_t)c->sampler.num_chains,
                                           .n_draw      = f->n_planned,
                                           .n_warmup    = c->sampler.save_warmup ? (size_t)f->num_warmup : 0,
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

/* ---- the run ---- */

static void facts_say(const fit *f) {
  const clv_portfolio_facts *facts = clv_portfolio_facts_get(f->place.portfolio);
  const clv_model           *model = &f->place.fit.model;
  char                       line[256];
  snprintf(line, sizeof line,
           "%llu customers, %llu distinct histories; %s; %d chains in %d group%s on %d rank%s, %s",
           (unsigned long long)facts->n_customer, (unsigned long long)facts->n_cell, f->place.fit.name,
           f->config->sampler.num_chains, clv_topology_n_group(f->place.topology),
           clv_topology_n_group(f->place.topology) == 1 ? "" : "s", clv_comm_size(f->world),
           clv_comm_size(f->world) == 1 ? "" : "s", clv_isa_name(clv_isa_best()));
  clv_fit_say(f, line);
  if (f->place.fit.has_spend && f->place.fit.n_spends == 0)
    clv_fit_say(
        f,
        "no customer bought again with an amount: the spend model has no data, its parameters are draws from "
        "their prior");
  for (size_t i = 0;
       model->ops->prior_line != NULL && model->ops->prior_line(model->self, i, line, sizeof line); i++)
    clv_fit_say(f, line);
}

static clv_status trace_go_on(fit *f) {
  char       sentence[128];
  clv_status st = CLV_OK;
  CLV_TRY(trace_begin(f, true));
  CLV_TRY(clv_fit_remember(f));
  snprintf(sentence, sizeof sentence, "going on after %zu warm-up and %zu of %zu sampling draws a chain",
           f->n_warmup, f->n_draw, f->n_planned);
  clv_fit_say(f, sentence);
out:
  return st;
}

/* A first checkpoint before the old trace is replaced: what this run begins with is then known for good. */
static clv_status trace_anew(fit *f) {
  clv_status st = CLV_OK;
  if (is_root(f)) {
    clv_checkpoint_remove(f->checkpoint_folder);
    clv_shards_remove(f->checkpoint_folder);
    clv_more_end(f->checkpoint_folder);
  }
  if (f->place.fit.latent == NULL) CLV_TRY(clv_fit_save(f));
  CLV_TRY(trace_begin(f, false));
  CLV_TRY(trace_observe(f));
out:
  return st;
}

static clv_status warm_find(fit *f, clv_warm_start *out) {
  char variables[VARIABLES_TEXT];
  variables_print(f, variables, sizeof variables);
  return clv_warm_start_find(f, f->place.fit.name, variables, out);
}

static clv_status fit_begin(fit *f, const clv_fit_options *options) {
  clv_checkpoint *found = NULL;
  clv_warm_start  warm  = {0};
  clv_status      st;
  CLV_TRY(clv_fit_place_new(f->world, f->portfolio_path, f->config, &f->place));
  facts_say(f);
  CLV_TRY(kept_find(f));
  CLV_TRY(clv_fit_find(f, options, &found));
  f->num_warmup = found != NULL ? (int)found->num_warmup : f->config->sampler.num_warmup;
  if (found == NULL) CLV_TRY(warm_find(f, &warm));
  CLV_TRY(sampler_make(f));
  CLV_TRY(clv_warm_start_apply(&warm, &f->sampler));
  if (found != NULL) {
    f->n_warmup = (size_t)found->n_warmup, f->n_draw = (size_t)found->n_draw;
    CLV_TRY(clv_fit_sampler_restore(&f->sampler, f->checkpoint_folder, f->generation, found->state,
                                    found->n_state));
  }
  CLV_TRY(f->n_warmup + f->n_draw > 0 ? trace_go_on(f) : trace_anew(f));
  f->saved_at = f->began_at = f->ess.at = clv_clock();
  f->n_save = 0, f->save_seconds = 0.0; /* of the draws */
  const uint64_t total = (uint64_t)f->config->sampler.num_chains * ((uint64_t)f->num_warmup + f->n_planned);
  CLV_TRY(
      clv_comm_agree(f->world, clv_progress_new(f->world, "fit", total, f->context->quiet, &f->progress)));
out:
  clv_warm_start_free(&warm);
  clv_checkpoint_free(&found);
  return st;
}

/* @param[out] more  of --more, 0: not asked */
static clv_status options_read(const clv_job_context *context, clv_fit_options *out, size_t *more) {
  clv_status st = CLV_OK;
  for (int i = 0; i < context->argc; i++) {
    const char *name = context->argv[i], *value = i + 1 < context->argc ? context->argv[i + 1] : NULL;
    if (strcmp(name, "--fresh") == 0) {
      out->is_fresh = true;
    } else if (strcmp(name, "--more") == 0) {
      CLV_TRY(clv_more_read(name, value, more));
      i++;
    } else if (strcmp(name, "--until") == 0) {
      CLV_TRY(clv_more_read(name, value, &out->until));
      i++;
    } else {
      CLV_TRY(clv_fail(CLV_EUSAGE,
                       "clv fit does not know '%.64s'; its options are --fresh, --more N and --until N",
                       name));
    }
  }
  if ((out->is_fresh || out->until > 0) && *more > 0)
    st = clv_fail(CLV_EUSAGE, "--more goes with neither --fresh nor --until");
out:
  return st;
}

/* What it costs to survive. */
static void saves_say(const fit *f) {
  char line[128];
  snprintf(line, sizeof line, "%ld checkpoints took %.2f s, %.2f %% of the time", f->n_save, f->save_seconds,
           100.0 * f->save_seconds / fmax(clv_clock() - f->began_at, 1e-9));
  clv_fit_say(f, line);
}

static clv_status fit_run(const clv_job_context *context) {
  fit f = {.context = context, .world = context->world, .config = context->config, .ess = {.least = NAN}};
  clv_config      chosen  = *context->config;
  clv_fit_options options = {0};
  size_t          more    = 0;
  clv_status      st      = CLV_OK;
  CLV_TRY(options_read(context, &options, &more));
  if (clv_erlang_is_open(&chosen)) {
    CLV_TRY(clv_erlang_choose(context, options.is_fresh, &chosen.model.erlang_k));
    f.config = &chosen;
  }
  CLV_TRY(clv_comm_agree(f.world, fit_name(&f)));
  if (more > 0) CLV_TRY(clv_more_begin(f.world, f.checkpoint_folder, more, &options.until));
  CLV_TRY(fit_begin(&f, &options));
  CLV_TRY(clv_fit_draws_make(&f));
  clv_progress_finish(f.progress);
  saves_say(&f);
  CLV_TRY(clv_finer_say(&f.finer, &f.place, is_root(&f) && !context->quiet));
  CLV_TRY(clv_trace_close(&f.trace));
  if (more > 0 && is_root(&f)) clv_more_end(f.checkpoint_folder);
out:
  fit_clear(&f);
  return st;
}

const clv_job CLV_JOB_FIT = {
    .name    = "fit",
    .summary = "sample the posterior: portfolio.h5 to trace.nc",
    .usage =
        "Goes on from the checkpoint of an interrupted fit.\n\n"
        "  --fresh     start over, whatever checkpoint there is\n"
        "  --more N    N more draws a chain of a finished fit\n"
        "  --until N   go on with a fit, finished or not, until it has N draws a chain\n",
    .needs_config    = true,
    .takes_arguments = true,
    .takes_fresh     = true,
    .listens         = true,
    .run             = fit_run,
};
