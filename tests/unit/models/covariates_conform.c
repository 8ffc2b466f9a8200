/* Every model with covariates keeps the promises of model.h, and has the same posterior by groups and row by
 * row, from customers in another order, and with a covariate in other units; with and without segments. */
#include <math.h>
#include <stdio.h>

#include "engine/models/conformance.h"
#include "portfolio_made.h"

enum { ROWS = 1500, COLUMNS = 4, WAYS = 4, LAST = COLUMNS - 1 };
typedef enum way_kind { GROUPS, ROW_BY_ROW, REVERSED, OTHER_UNITS } way_kind;

typedef struct table {
  double   w[MADE_N][COLUMNS], scale[COLUMNS]; /* the last column acts on nothing */
  double   spend_w[MADE_N][COLUMNS];
  uint32_t segment[MADE_N];
} table;

/* A vector of a few; the last column, where it is to be alone, makes every customer's his own. */
static void vector_fill(double *w, size_t i, bool is_alone) {
  w[0]    = i % 2 == 0 ? 1.0 : 0.0;
  w[1]    = (double)(i / 2 % 3) - 1.0;
  w[2]    = i % 5 == 0 ? 1.0 : 0.0;
  w[LAST] = is_alone ? (double)i : 0.0;
}

static void table_fill(table *t, const made *m, size_t n_segment, way_kind how) {
  for (size_t i = 0; i < m->n; i++) {
    const size_t at = how == REVERSED ? m->n - 1 - i : i;
    vector_fill(t->w[i], at, how == ROW_BY_ROW);
    t->segment[i] = (uint32_t)(at % 7 % n_segment);
  }
  for (size_t i = 0; i < m->n_spend; i++)
    vector_fill(t->spend_w[i], how == REVERSED ? m->n_spend - 1 - i : i, how == ROW_BY_ROW);
  for (size_t k = 0; k < COLUMNS; k++) t->scale[k] = how == OTHER_UNITS ? 365.25 : 1.0;
}

static clv_covariates covariates_of(const double *value, const double *scale) {
  static const uint32_t PURCHASES[] = {0, 1, 2}, DROPOUT[] = {1}, SPEND[] = {2, 0};
  return (clv_covariates){.n        = COLUMNS,
                          .n_all    = LAST,
                          .value    = value,
                          .scale    = scale,
                          .n_column = {3, 1, 2},
                          .column   = {PURCHASES, DROPOUT, SPEND}};
}

static clv_status way_build(const clv_comm *comm, const char *name, size_t n_segment, way_kind how,
                            clv_model model[2]) {
  made      *m  = NULL;
  table     *t  = NULL;
  clv_status st = CLV_OK;
  CLV_TRY(clv_alloc(1, sizeof *m, (void **)&m));
  CLV_TRY(clv_alloc(1, sizeof *t, (void **)&t));
  made_fill_for(m, name);
  m->n = ROWS;
  if (m->n_spend > ROWS) m->n_spend = ROWS;
  if (how == REVERSED) made_reverse(m);
  table_fill(t, m, n_segment, how);
  clv_cells            cells    = made_cells(comm, m);
  clv_spends           spends   = made_spends(comm, m, 1.0);
  const clv_covariates of_cell  = covariates_of(t->w[cells.blocks.first], t->scale),
                       of_spend = covariates_of(t->spend_w[spends.blocks.first], t->scale);
  cells.segment = t->segment + cells.blocks.first, cells.n_segment = n_segment;
  cells.covariates = &of_cell, spends.covariates = &of_spend;
  const clv_prior_text    text[] = {{"gamma_purchases", "normal(0.1, 0.7)"}, {"gamma_spend", "cauchy(0, 1)"}};
  const clv_prior_texts   priors = {text, 2};
  const clv_purchase_data data   = {comm, &cells, n_segment > 1 ? &priors : NULL};
  CLV_TRY(clv_purchases_new(name, &data, &model[0]));
  CLV_TRY(clv_gamma_gamma_new(comm, &spends, n_segment > 1 ? &priors : NULL, &model[1]));
out:
  free(m);
  free(t);
  return st;
}

static clv_status model_check(const clv_comm *comm, const clv_model *ways, size_t sums_by_rows) {
  clv_conformance found = {0};
  clv_status      st    = CLV_OK;
  double         *value = NULL;
  const size_t    n     = clv_model_n_value(&ways[0]);
  double          phi[64];
  if (ways[ROW_BY_ROW].ops->n_sum(ways[ROW_BY_ROW].self) != sums_by_rows ||
      ways[GROUPS].ops->n_sum(ways[GROUPS].self) == sums_by_rows)
    CLV_TRY(clv_fail(CLV_EFAULT, "groups and rows are not told apart"));
  CLV_TRY(clv_conformance_check(comm, ways, WAYS, &found));
  if (!(found.gradient > 0.0 && found.variant > 0.0)) CLV_TRY(clv_fail(CLV_EFAULT, "nothing was compared"));
  CLV_TRY(clv_alloc(2 * n, sizeof *value, (void **)&value));
  clv_model_start(&ways[0], 1, 0, phi);
  ways[GROUPS].ops->constrain(ways[GROUPS].self, phi, value);
  ways[OTHER_UNITS].ops->constrain(ways[OTHER_UNITS].self, phi, value + n);
  clv_variable v;
  size_t       at = n;
  for (size_t i = ways[0].ops->n_variable(ways[0].self); i-- > 0;) {
    ways[0].ops->variable(ways[0].self, i, &v);
    at -= v.length;
    const double units = strncmp(v.name, "gamma_", 6) == 0 ? 365.25 : 1.0;
    for (size_t k = 0; k < v.length; k++)
      if (fabs(value[at + k] / (value[n + at + k] * units) - 1.0) > 1e-14)
        st = clv_fail(CLV_EFAULT, "%s is not per unit of the user's column", v.name);
  }
out:
  free(value);
  return st;
}

int main(int argc, char **argv) {
  static const char *const NAME[] = {"bg_nbd", "mbg_nbd", "pareto_nbd", "bg_cnbd_2", "mbg_cnbd_3", "bg_bb"};
  clv_comm                *comm   = NULL;
  clv_status               st     = clv_comm_init(&argc, &argv);
  if (st < 0) return 1;
  CLV_TRY(clv_comm_world(&comm));
  for (size_t c = 0; c < 2 * sizeof NAME / sizeof *NAME; c++) {
    const size_t n_segment      = c % 2 == 0 ? 1 : 3;
    clv_model    model[WAYS][2] = {{{0}}}, ways[2][WAYS];
    for (int way = 0; way < WAYS && st == CLV_OK; way++)
      st = way_build(comm, NAME[c / 2], n_segment, (way_kind)way, model[way]);
    for (int way = 0; way < WAYS; way++)
      for (int k = 0; k < 2; k++) ways[k][way] = model[way][k];
    if (st == CLV_OK) st = model_check(comm, ways[0], n_segment * 5 + 4);
    if (st == CLV_OK && c < 2) st = model_check(comm, ways[1], 4 + 2);
    for (int way = 0; way < WAYS; way++)
      for (int k = 0; k < 2; k++) clv_model_free(&model[way][k]);
    if (st < 0 && clv_comm_rank(comm) == 0) fprintf(stderr, "%s, %zu segments: ", NAME[c / 2], n_segment);
    CLV_TRY(st);
  }
out:
  if (st < 0 && clv_comm_rank(comm) == 0) fprintf(stderr, "%s\n", clv_message());
  clv_comm_free(&comm);
  clv_comm_finalize();
  return st < 0;
}
