#include "jobs/check_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/models/conformance_forecast.h"
#include "engine/models/latent_conformance.h"
#include "io/portfolio.h"
#include "jobs/plugin.h"
#include "jobs/plugin_rows.h"
#include "jobs/plugin_sample.h"

enum { N_WAY = 3, N_DEAL = 2, DEALT_MOST = 7 };
static const int DEALT[N_DEAL] = {2, DEALT_MOST}; /* the second leaves ranks without rows */

static const char *const WAY[N_WAY] = {"", "rows in another order", "a row for every customer"};

/* Every rank checks all by itself, so that a plug-in that parts the ranks cannot hang them; then they
 * compare. */
typedef struct check_model {
  const clv_job_context *context;
  const clv_comm        *world;
  clv_comm              *alone;     /* owned */
  clv_plugin_host       *plugin;    /* owned */
  clv_portfolio         *portfolio; /* owned; NULL: drawn customers */
  clv_plugin_sample     *sample;    /* owned */
  clv_prior_text        *prior;     /* owned */
  clv_plugin_option     *option;    /* owned */
  clv_plugin_data        settings;
  clv_plugin_data        data[N_WAY], dealt[N_DEAL][DEALT_MOST]; /* borrow from sample, prior, option */
  clv_model              model[N_WAY], part[N_DEAL][DEALT_MOST]; /* owned */
  clv_conformance_report report;
  bool                   reached;
} check_model;

static void check_clear(check_model *c) {
  for (int w = 0; w < N_WAY; w++) clv_model_free(&c->model[w]);
  for (int d = 0; d < N_DEAL; d++)
    for (int r = 0; r < DEALT[d]; r++) clv_model_free(&c->part[d][r]);
  clv_plugin_sample_free(&c->sample);
  clv_portfolio_close(&c->portfolio);
  clv_plugin_unload(&c->plugin);
  free(c->prior);
  free(c->option);
  clv_comm_free(&c->alone);
}

static clv_status settings_take(check_model *c) {
  const clv_config *config           = c->context->config;
  c->settings.facts.rescale_factor   = 1000.0;
  c->settings.facts.min_transactions = 2;
  if (config == NULL) return CLV_OK;
  clv_status st = clv_plugin_settings(config, &c->prior, &c->option);
  if (st < 0) return st;
  c->settings.prior = c->prior, c->settings.n_prior = config->model.priors.n;
  c->settings.option = c->option, c->settings.n_option = config->model.plugin_options.n;
  c->settings.facts.rescale_factor   = config->data.rescale_factor;
  c->settings.facts.min_transactions = config->data.min_transactions;
  return CLV_OK;
}

/* Of the configuration's portfolio where there is one, else drawn. */
static clv_status sample_take(check_model *c) {
  char      *path  = NULL;
  FILE      *there = NULL;
  clv_status st    = CLV_OK;
  if (c->context->config != NULL) CLV_TRY(clv_config_run_path(c->context->config, "portfolio.h5", &path));
  if (path != NULL) there = fopen(path, "rb");
  if (there == NULL) {
    CLV_TRY(clv_plugin_sample_draw(&c->sample));
  } else {
    CLV_TRY(clv_portfolio_open(c->alone, path, &c->portfolio));
    CLV_TRY(clv_plugin_sample_read(c->portfolio, &c->sample));
  }
out:
  if (there != NULL) fclose(there);
  free(path);
  return st;
}

static bool is_latent(const check_model *c) { return clv_plugin_table(c->plugin)->latent != NULL; }

static clv_status models_make(check_model *c) {
  const bool latent = is_latent(c);
  clv_status st     = CLV_OK;
  for (int w = 0; w < N_WAY; w++) {
    clv_plugin_sample_data(c->sample, (clv_plugin_way)w, latent, 0, 1, &c->settings, &c->data[w]);
    CLV_TRY(clv_plugin_make(c->plugin, &c->data[w], &c->model[w]));
  }
  for (int d = 0; d < N_DEAL; d++)
    for (int r = 0; r < DEALT[d]; r++) {
      clv_plugin_sample_data(c->sample, CLV_WAY_PLAIN, latent, r, DEALT[d], &c->settings, &c->dealt[d][r]);
      CLV_TRY(clv_plugin_make(c->plugin, &c->dealt[d][r], &c->part[d][r]));
    }
out:
  return st;
}

/* ---- forecasts ---- */

static clv_status forecasts_check(check_model *c) {
  const clv_plugin           *plugin = clv_plugin_table(c->plugin);
  const clv_plugin_customers *all    = &c->data[0].customers;
  clv_customer               *who    = NULL;
  clv_status                  st     = clv_alloc(all->n + 1, sizeof *who, (void **)&who);
  if (st < 0) return st;
  for (size_t i = 0; i < all->n; i++)
    who[i] = (clv_customer){.x              = all->x[i],
                            .t_x            = all->t_x[i],
                            .T              = all->T[i],
                            .spend          = all->spend[i],
                            .litt           = all->litt[i],
                            .n_spend        = all->n_spend[i],
                            .positive_spend = all->positive_spend[i],
                            .log_spend      = all->log_spend[i],
                            .log_spend_ss   = all->log_spend_ss[i]};
  const clv_forecast_trial trial = {
      .model   = &c->model[0],
      .process = (plugin->part & CLV_PLUGIN_PURCHASES) != 0 ? plugin->process : NULL,
      .spend   = (plugin->part & CLV_PLUGIN_SPEND) != 0 ? plugin->spend : NULL,
      .who     = who,
      .n       = all->n,
      .is_all  = plugin->part != (CLV_PLUGIN_PURCHASES | CLV_PLUGIN_SPEND),
      .length  = 0.5 * c->data[0].facts.mean_T};
  st = clv_conformance_forecast(c->alone, &trial, &c->report);
  free(who);
  return st;
}

static void collapsed_check(check_model *c) {
  const clv_conformance_deal deal[N_DEAL] = {{c->part[0], (size_t)DEALT[0]}, {c->part[1], (size_t)DEALT[1]}};
  const clv_conformance_plan plan         = {
              .model = c->model, .way = WAY, .n_model = N_WAY, .deal = deal, .n_deal = N_DEAL};
  (void)clv_conformance_run(c->alone, &plan, &c->report);
}

static void latent_check(check_model *c) {
  const clv_latent_model_ops *ops = clv_plugin_table(c->plugin)->latent;
  clv_latent_model            whole[2], part[N_DEAL][DEALT_MOST];
  clv_latent_deal             deal[N_DEAL];
  for (int w = 0; w < 2; w++) whole[w] = (clv_latent_model){ops, c->model[w].self}; /* plain, reversed */
  for (int d = 0; d < N_DEAL; d++) {
    for (int r = 0; r < DEALT[d]; r++) part[d][r] = (clv_latent_model){ops, c->part[d][r].self};
    deal[d] = (clv_latent_deal){part[d], (size_t)DEALT[d]};
  }
  const clv_latent_plan plan = {.model = &whole[0], .reversed = &whole[1], .deal = deal, .n_deal = N_DEAL};
  (void)clv_latent_conformance_run(c->alone, &plan, &c->report);
}

/* The report has all sentences. */
static clv_status alone_check(check_model *c) {
  clv_status st = models_make(c);
  if (st < 0) return st;
  c->reached = true;
  if (is_latent(c))
    latent_check(c);
  else
    collapsed_check(c);
  clv_message_clear();
  (void)forecasts_check(c);
  clv_message_clear();
  return clv_conformance_fault(&c->report);
}

/* ---- what the user sees ---- */

static void report_print(const check_model *c) {
  const clv_plugin *plugin = clv_plugin_table(c->plugin);
  printf("%s: %s of %zu customers, %zu distinct histories (%s)\n", c->context->argv[0], plugin->name,
         clv_plugin_sample_customers(c->sample), clv_plugin_sample_histories(c->sample),
         c->portfolio != NULL ? "the portfolio's first" : "drawn");
  for (size_t i = 0; i < c->report.n; i++) {
    const clv_conformance_item *item = &c->report.item[i];
    printf("  %-4s  %-38s %s\n", item->status == CLV_OK ? "pass" : "FAIL", item->what, item->sentence);
  }
  if ((plugin->part & CLV_PLUGIN_PURCHASES) != 0 && plugin->process == NULL)
    printf("  none  forecasts of purchases                 no process table: clv predict will say so\n");
  if ((plugin->part & CLV_PLUGIN_SPEND) != 0 && plugin->spend == NULL)
    printf("  none  forecasts of spend                     no spend table: clv predict will say so\n");
}

static clv_status check_run(const clv_job_context *context) {
  check_model c  = {.context = context, .world = context->world};
  clv_status  st = CLV_OK;
  if (context->argc != 1)
    return clv_fail(CLV_EUSAGE,
                    context->argc == 0
                        ? "clv check-model needs a shared object: clv check-model ./libmine.so [CONFIG.yaml]"
                        : "clv check-model takes one shared object and a configuration; 'clv check-model "
                          "--help' explains");
  CLV_TRY(clv_comm_agree(c.world, clv_comm_self(&c.alone)));
  CLV_TRY(clv_plugin_load(c.world, context->argv[0], &c.plugin));
  st = settings_take(&c);
  if (st == CLV_OK) st = sample_take(&c);
  CLV_TRY(clv_comm_agree(c.world, st));
  st = alone_check(&c);
  if (clv_comm_rank(c.world) == 0 && c.reached) report_print(&c);
  CLV_TRY(clv_comm_agree(c.world, st));
out:
  check_clear(&c);
  return st;
}

const clv_job CLV_JOB_CHECK_MODEL = {
    .name = "check-model",
    .summary =
        "does a model of your own (a shared object) keep the promises of a model? a table, and exit code 0 "
        "or 2",
    .usage =
        "clv check-model ./libmine.so               on drawn customers: three segments, two covariates, "
        "amounts\n"
        "clv check-model ./libmine.so CONFIG.yaml   with its priors and model.plugin_options; on the first "
        "30,000\n"
        "                                           customers of its portfolio where clv prepare has made "
        "one\n",
    .takes_config    = true,
    .takes_arguments = true,
    .subject         = "PLUGIN.so",
    .run             = check_run,
};
