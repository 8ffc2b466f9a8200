/* Far from the data, where sums over customers cancel, no density is above that of where the data are: a
 * chain that strayed there would stay. Without covariates, by groups and row by row. */
#include <math.h>
#include <stdio.h>

#include "comm/accumulator.h"
#include "engine/models/gamma_value.h"
#include "engine/models/pareto_nbd_lognormal.h"
#include "portfolio_made.h"

enum { ROWS = 1500, COLUMNS = 2, POINTS = 400, NEAR = 500, DIM_MOST = 16, SUM_MOST = 512, WAYS = 3 };
typedef enum way { WITHOUT, GROUPS, ROW_BY_ROW } way;

static clv_covariates covariates_of(way how) {
  static const uint32_t COLUMN[COLUMNS] = {0, 1};
  static const double   ONE[COLUMNS]    = {1.0, 1.0};
  static double         w[ROWS][COLUMNS];
  for (size_t i = 0; i < ROWS; i++)
    w[i][0] = i % 3 == 0 ? 1.0 : 0.0, w[i][1] = how == ROW_BY_ROW ? (double)i / ROWS - 0.5 : 0.0;
  return (clv_covariates){.n        = COLUMNS,
                          .n_all    = COLUMNS,
                          .value    = w[0],
                          .scale    = ONE,
                          .n_column = {2, 1, 2},
                          .column   = {COLUMN, COLUMN, COLUMN}};
}

static clv_status density_at(const clv_comm *comm, const clv_model *m, const double *phi, double *value) {
  const clv_summand what = {m->self, m->ops->n_block(m->self), m->ops->n_sum(m->self), m->ops->n_dim(m->self),
                            m->ops->block};
  clv_accumulator  *sums = NULL;
  double            sum[SUM_MOST], gradient[DIM_MOST];
  clv_status        st = CLV_OK;
  CLV_CHECK(what.n_sum <= SUM_MOST && m->ops->n_dim(m->self) <= DIM_MOST);
  CLV_TRY(clv_accumulator_new(comm, &what, 1, &sums));
  CLV_TRY(clv_accumulator_evaluate(sums, 1, phi, sum));
  m->ops->finish(m->self, phi, sum, value, gradient);
out:
  clv_accumulator_free(&sums);
  return st;
}

/* The best of some starts is far below the data's own best, but not by what roundings of e^60 are. */
static clv_status model_check(const clv_comm *comm, const clv_model *m, const char *name) {
  const size_t dim   = m->ops->n_dim(m->self);
  double       best  = -INFINITY, value, phi[DIM_MOST];
  int          known = 0;
  clv_status   st    = CLV_OK;
  for (uint32_t k = 0; k < NEAR; k++) {
    clv_model_start(m, 1, k, phi);
    CLV_TRY(density_at(comm, m, phi, &value));
    if (value > best) best = value;
  }
  for (uint32_t k = 0; k < POINTS; k++) {
    clv_rng rng = clv_rng_at(5, CLV_RNG_START, k, 0, 0);
    clv_model_start(m, 1, k, phi);
    for (size_t i = 0; i < dim; i++)
      if (clv_rng_below(&rng, 2) == 0) phi[i] = 120.0 * clv_rng_uniform(&rng) - 60.0;
    CLV_TRY(density_at(comm, m, phi, &value));
    known += isfinite(value) ? 1 : 0;
    if (value > best)
      CLV_TRY(
          clv_fail(CLV_EFAULT, "%s: %g at a point far away, %g at the best of starts", name, value, best));
  }
  if (known < POINTS / 20) CLV_TRY(clv_fail(CLV_EFAULT, "%s: too few densities to compare", name));
out:
  return st;
}

/* A coefficient of dropout, the last one, that takes some customers' a and b out of what is known. */
static clv_status shapes_check(const clv_comm *comm, const clv_model *m) {
  clv_status st = CLV_OK;
  double     phi[DIM_MOST], known, unknown;
  clv_model_start(m, 1, 0, phi);
  CLV_TRY(density_at(comm, m, phi, &known));
  phi[m->ops->n_dim(m->self) - 1] = 40.0;
  CLV_TRY(density_at(comm, m, phi, &unknown));
  if (!isfinite(known) || isfinite(unknown))
    CLV_TRY(clv_fail(CLV_EFAULT, "%g where shapes are tame, %g where they are not", known, unknown));
out:
  return st;
}

static clv_status way_check(const clv_comm *comm, const made *m, const char *name, way how) {
  clv_cells            cells    = made_cells(comm, m);
  clv_spends           spends   = made_spends(comm, m, 1.0);
  const clv_covariates w        = covariates_of(how);
  clv_model            model[2] = {{0}, {0}};
  clv_status           st       = CLV_OK;
  if (how != WITHOUT) cells.covariates = &w, spends.covariates = &w;
  CLV_TRY(clv_purchases_new(name, &(clv_purchase_data){comm, &cells, NULL}, &model[0]));
  CLV_TRY(model_check(comm, &model[0], name));
  if (how != WITHOUT && strcmp(name, "bg_nbd") == 0) CLV_TRY(shapes_check(comm, &model[0]));
  CLV_TRY(clv_gamma_gamma_new(comm, &spends, NULL, &model[1]));
  CLV_TRY(model_check(comm, &model[1], "gamma_gamma"));
out:
  for (int k = 0; k < 2; k++) clv_model_free(&model[k]);
  return st;
}

/* Customers integrated out on a grid: of log-normal rates, of them with spend, of every amount. */
static clv_status grids_check(const clv_comm *comm, made *m) {
  static double                mean_log[ROWS];
  static clv_lognormal_amounts amounts[ROWS];
  clv_model                    model = {0};
  clv_status                   st    = CLV_OK;
  made_fill(m);
  m->n = ROWS;
  if (m->n_spend > ROWS) m->n_spend = ROWS;
  for (size_t i = 0; i < ROWS; i++) {
    mean_log[i] = log(m->mean[i]) - 0.1;
    amounts[i]  = (clv_lognormal_amounts){m->x[i], 3.0 + 0.001 * (double)(i % 700), 0.2 * m->x[i]};
    if (m->x[i] == 0) amounts[i] = (clv_lognormal_amounts){0};
  }
  clv_cells               cells  = made_cells(comm, m);
  clv_spends              spends = made_spends(comm, m, 1.0);
  const clv_purchase_data data   = {comm, &cells, NULL};
  cells.count = NULL, spends.mean_log = mean_log;
  CLV_TRY(clv_purchases_new("pareto_nbd_lognormal", &data, &model));
  CLV_TRY(model_check(comm, &model, "pareto_nbd_lognormal"));
  clv_model_free(&model);
  CLV_TRY(clv_pareto_nbd_lognormal_spend_new(&data, amounts, &model));
  CLV_TRY(model_check(comm, &model, "pareto_nbd_lognormal with spend"));
  clv_model_free(&model);
  CLV_TRY(clv_gamma_value_new(comm, &spends, NULL, &model));
  CLV_TRY(model_check(comm, &model, "gamma_value"));
out:
  clv_model_free(&model);
  return st;
}

int main(int argc, char **argv) {
  static const char *const NAME[] = {"bg_nbd", "mbg_nbd", "pareto_nbd", "bg_cnbd_2", "bg_bb"};
  clv_comm                *comm   = NULL;
  made                    *m      = NULL;
  clv_status               st     = clv_comm_init(&argc, &argv);
  if (st < 0) return 1;
  CLV_TRY(clv_comm_self(&comm));
  CLV_TRY(clv_alloc(1, sizeof *m, (void **)&m));
  for (size_t k = 0; k < WAYS * (sizeof NAME / sizeof *NAME); k++) {
    made_fill_for(m, NAME[k / WAYS]);
    m->n = ROWS;
    if (m->n_spend > ROWS) m->n_spend = ROWS;
    for (size_t i = 0; i < ROWS; i++) m->count[i] = 1;
    st = way_check(comm, m, NAME[k / WAYS], (way)(k % WAYS));
    if (st < 0) fprintf(stderr, "way %zu: ", k % WAYS);
    CLV_TRY(st);
  }
  CLV_TRY(grids_check(comm, m));
out:
  if (st < 0) fprintf(stderr, "%s\n", clv_message());
  free(m);
  clv_comm_free(&comm);
  clv_comm_finalize();
  return st < 0;
}
