#include "jobs/prior.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/models/process.h"
#include "engine/posterior/diagnostics.h"
#include "io/files.h"
#include "io/portfolio.h"
#include "jobs/erlang.h"
#include "jobs/fit_model.h"
#include "jobs/fit_ops.h"

enum { DRAWS = 1000, MOST_NAMES = 64 };

/* Segments are alike before there are data, so one stands for all. */
static const char ANY_SEGMENT[] = "[segment]";

/* Prior draws of the model's values, and of what they imply for a customer. */
typedef struct prior {
  clv_fit_model model;            /* owned */
  clv_fit_ops   ops;              /* owned */
  char         *name[MOST_NAMES]; /* owned */
  size_t        from[MOST_NAMES]; /* which of the model's values it is */
  size_t        n_name, n_value;
  double       *column; /* owned [n_name][DRAWS] */
  double        age;    /* mean T */
} prior;

static void prior_clear(prior *p) {
  clv_fit_model_free(&p->model);
  clv_fit_ops_close(&p->ops);
  for (size_t i = 0; i < p->n_name; i++) free(p->name[i]);
  free(p->column);
}

static clv_status name_add(prior *p, const char *name, size_t from, const char *suffix) {
  char *text = NULL;
  CLV_CHECK(p->n_name < MOST_NAMES);
  if (asprintf(&text, "%s%s", name, suffix) < 0) return clv_fail(CLV_ENOMEM, "no memory for a name");
  p->from[p->n_name]   = from;
  p->name[p->n_name++] = text;
  return CLV_OK;
}

static clv_status names_make(prior *p) {
  const clv_model *model = &p->model.model;
  const size_t     n     = model->ops->n_variable(model->self);
  size_t           from  = 0;
  clv_status       st    = CLV_OK;
  for (size_t i = 0; i < n; i++) {
    clv_variable v;
    model->ops->variable(model->self, i, &v);
    CLV_TRY(name_add(p, v.name, from, v.length > 1 ? ANY_SEGMENT : ""));
    from += v.length;
  }
  p->n_value = p->n_name;
  CLV_TRY(name_add(p, "purchases_in_mean_T", 0, ""));
  CLV_TRY(name_add(p, "mean_spend", 0, ""));
  CLV_TRY(clv_alloc(p->n_name * DRAWS, sizeof *p->column, (void **)&p->column));
out:
  return st;
}

/* The first segment's parameter of that name, or NaN. */
static double value_named(const prior *p, const double *value, const char *name) {
  for (size_t i = 0; i < p->n_value; i++)
    if (strcspn(p->name[i], "[") == strlen(name) && strncmp(p->name[i], name, strlen(name)) == 0)
      return value[p->from[i]];
  return NAN;
}

static void implied_fill(const prior *p, const double *value, double *purchases, double *spend) {
  const clv_process_ops *process = p->ops.process;
  const clv_spend_ops   *money   = p->ops.spend;
  double                 theta[CLV_PARAMETER_MAX];
  for (size_t k = 0; process != NULL && k < process->n_parameter; k++)
    theta[k] = value_named(p, value, process->parameter[k]);
  *purchases = process == NULL ? NAN : process->expected_new(theta, p->age);
  for (size_t k = 0; money != NULL && k < money->n_parameter; k++)
    theta[k] = value_named(p, value, money->parameter[k]);
  *spend = money == NULL ? NAN : money->expected_new(theta);
}

static clv_status draws_make(prior *p, const clv_config *config) {
  const clv_model *model   = &p->model.model;
  double          *room    = NULL;
  const size_t     n_value = clv_model_n_value(model);
  clv_status       st = clv_alloc(model->ops->n_dim(model->self) + n_value, sizeof *room, (void **)&room);
  if (st < 0) return st;
  if (model->ops->prior_draw == NULL) {
    free(room);
    return clv_fail(
        CLV_EUSAGE,
        "model.plugin: %s offers no prior draws (prior_draw is NULL), so clv prior has nothing to show",
        p->model.name);
  }
  double *phi = room + n_value;
  for (uint32_t d = 0; d < DRAWS; d++) {
    clv_rng rng = clv_rng_at(config->sampler.seed, CLV_RNG_PRIOR, 0, 0, d);
    model->ops->prior_draw(model->self, &rng, phi);
    model->ops->constrain(model->self, phi, room);
    for (size_t i = 0; i < p->n_value; i++) p->column[i * DRAWS + d] = room[p->from[i]];
    implied_fill(p, room, &p->column[p->n_value * DRAWS + d], &p->column[(p->n_value + 1) * DRAWS + d]);
  }
  free(room);
  return CLV_OK;
}

static clv_status csv_write(const prior *p, const char *path) {
  char      *text = NULL;
  size_t     size = 0;
  clv_status st;
  FILE      *to = open_memstream(&text, &size);
  if (to == NULL) return clv_fail(CLV_ENOMEM, "no memory for '%s'", path);
  for (size_t i = 0; i < p->n_name; i++) fprintf(to, "%s%s", i == 0 ? "" : ",", p->name[i]);
  fputc('\n', to);
  for (size_t d = 0; d < DRAWS; d++)
    for (size_t i = 0; i < p->n_name; i++)
      fprintf(to, "%.10g%c", p->column[i * DRAWS + d], i + 1 == p->n_name ? '\n' : ',');
  st = fclose(to) == 0 ? clv_file_write(path, text, size) : clv_fail(CLV_ENOMEM, "no memory for '%s'", path);
  free(text);
  return st;
}

static clv_status prior_show(const prior *p, const char *path) {
  const clv_model *model = &p->model.model;
  char             line[256];
  for (size_t i = 0;
       model->ops->prior_line != NULL && model->ops->prior_line(model->self, i, line, sizeof line); i++)
    printf("%s\n", line);
  printf("\n%-20s %12s %12s %12s\n", "", "5 %", "50 %", "95 %");
  for (size_t i = 0; i < p->n_name; i++) {
    const double *x = p->column + i * DRAWS;
    if (isnan(x[0])) continue; /* no spend model */
    printf("%-20s %12.5g %12.5g %12.5g\n", p->name[i], clv_quantile(x, DRAWS, 0.05),
           clv_quantile(x, DRAWS, 0.5), clv_quantile(x, DRAWS, 0.95));
  }
  printf("%d draws: %s\n", DRAWS, path);
  return csv_write(p, path);
}

/* Weighted by how many customers share a history; rank 0's cells are all of them when it is alone.
 * Collective. */
static clv_status age_find(const clv_portfolio *portfolio, double *age) {
  clv_cell_columns c   = {0};
  double           sum = 0.0, n = 0.0;
  clv_status st = clv_portfolio_read_cells(portfolio, 0, clv_portfolio_facts_get(portfolio)->n_cell, &c);
  for (uint64_t i = 0; st == CLV_OK && i < c.n; i++) sum += c.count[i] * c.T[i], n += c.count[i];
  *age = n > 0.0 ? sum / n : 1.0;
  clv_cell_columns_free(&c);
  return st;
}

/* A thousand draws are one rank's work: rank 0 does it alone. */
static clv_status prior_run(const clv_job_context *context) {
  clv_comm      *alone     = NULL;
  clv_portfolio *portfolio = NULL;
  prior          p         = {0};
  char          *path = NULL, *csv = NULL;
  clv_status     st = clv_comm_self(&alone);
  if (st == CLV_OK) st = clv_config_run_path(context->config, "portfolio.h5", &path);
  if (st == CLV_OK) st = clv_config_run_path(context->config, "prior.csv", &csv);
  CLV_TRY(clv_comm_agree(context->world, st));
  if (clv_erlang_is_open(context->config))
    CLV_TRY(
        clv_fail(CLV_EUSAGE,
                 "model.erlang_k is auto, which clv fit decides; to see what the priors imply name a k, such "
                 "as --set model.erlang_k=2"));
  if (clv_comm_rank(context->world) == 0) {
    st = clv_portfolio_open(alone, path, &portfolio);
    if (st == CLV_OK) st = age_find(portfolio, &p.age);
    if (st == CLV_OK) st = clv_fit_model_new(alone, portfolio, context->config, &p.model);
    if (st == CLV_OK)
      st = clv_fit_ops_open(alone, context->config, clv_portfolio_facts_get(portfolio), &p.ops);
    if (st == CLV_OK) st = names_make(&p);
    if (st == CLV_OK) st = draws_make(&p, context->config);
    if (st == CLV_OK) st = prior_show(&p, csv);
  }
  CLV_TRY(clv_comm_agree(context->world, st));
out:
  prior_clear(&p);
  clv_portfolio_close(&portfolio);
  clv_comm_free(&alone);
  free(path);
  free(csv);
  return st;
}

const clv_job CLV_JOB_PRIOR = {
    .name         = "prior",
    .summary      = "what the priors imply, before any fit: prior.csv",
    .needs_config = true,
    .run          = prior_run,
};
