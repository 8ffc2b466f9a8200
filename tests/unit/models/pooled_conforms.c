/* Every model under partial pooling keeps the promises of model.h (gradient, NaN, one posterior from
 * customers in another order and from cells with counts), with the user's priors, of tau too; BG/NBD,
 * Gamma-Gamma and their joint posterior with the defaults too. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/models/conformance.h"
#include "engine/models/joint.h"
#include "segments_made.h"

enum { WAYS = 3 };

typedef struct purchase_case {
  const char    *name;
  clv_prior_text override[3];
} purchase_case;

static const purchase_case PURCHASES[] = {
    {"bg_nbd", {{NULL, NULL}}},
    {"bg_nbd", {{"alpha", "lognormal(1, 1)"}, {"a", "gamma(2, 2)"}, {"tau_r", "half_cauchy(1)"}}},
    {"mbg_nbd", {{"r_population", "lognormal(1, 1)"}, {"b", "gamma(2, 2)"}, {"tau_a", "normal(0.2, 1)"}}},
    {"pareto_nbd", {{"alpha", "lognormal(1, 1)"}, {"s", "half_normal(2)"}, {"tau_s", "exponential(3)"}}},
    {"bg_cnbd_2", {{"tau_alpha", "lognormal(-1, 1)"}, {"a", "gamma(2, 2)"}, {"r", "half_normal(2)"}}},
    {"mbg_cnbd_3", {{"r", "lognormal(1, 1)"}, {"b", "gamma(2, 2)"}, {"tau_b", "gamma(2, 4)"}}},
};
enum { CASES = sizeof PURCHASES / sizeof *PURCHASES };
static const clv_prior_text SPEND_OVERRIDE[] = {{"q", "inverse_gamma(3, 8)"}, {"tau_v", "half_normal(1)"}};

static clv_status ways_build(const clv_comm *comm, const purchase_case *purchases, segments_made *m,
                             clv_model model[3][WAYS]) {
  const bool            overridden = purchases->override[0].name != NULL;
  const clv_prior_texts override = {purchases->override, 3}, spend_override = {SPEND_OVERRIDE, 2};
  clv_status            st = CLV_OK;
  for (int way = 0; way < WAYS; way++) {
    segments_fill(m, way);
    const clv_cells         cells   = segments_cells(comm, m, true);
    const clv_spends        spends  = segments_spends(comm, m, true, way == 1 ? 10.0 : 1.0);
    const clv_prior_texts  *spend   = overridden ? &spend_override : NULL;
    const clv_purchase_data data    = {comm, &cells, overridden ? &override : NULL};
    clv_model               part[2] = {{0}, {0}};
    CLV_TRY(clv_purchases_new(purchases->name, &data, &model[0][way]));
    CLV_TRY(clv_gamma_gamma_new(comm, &spends, spend, &model[1][way]));
    CLV_TRY(clv_purchases_new(purchases->name, &data, &part[0]));
    CLV_TRY(clv_gamma_gamma_new(comm, &spends, spend, &part[1]));
    CLV_TRY(clv_joint_new(part, 2, &model[2][way]));
  }
out:
  return st;
}

/* Segments' values, the typical segment's, the standard deviations. */
static clv_status pooled_check(const clv_model *purchases) {
  if (purchases->ops->n_variable(purchases->self) != 12 ||
      purchases->ops->n_dim(purchases->self) != 4 * (SEGMENTS_N + 2))
    return clv_fail(CLV_EFAULT, "the model is not pooled");
  return CLV_OK;
}

int main(int argc, char **argv) {
  clv_comm      *comm = NULL;
  segments_made *m    = NULL;
  clv_status     st   = clv_comm_init(&argc, &argv);
  if (st < 0) return 1;
  CLV_TRY(clv_comm_world(&comm));
  CLV_TRY(clv_alloc(1, sizeof *m, (void **)&m));
  for (int c = 0; c < CASES; c++) {
    clv_model model[3][WAYS] = {{{0}}};
    st                       = ways_build(comm, &PURCHASES[c], m, model);
    if (st == CLV_OK) st = pooled_check(&model[0][0]);
    for (int k = 0; k < 3; k++) {
      clv_conformance found = {0};
      if (st == CLV_OK && (k == 0 || c < 2)) st = clv_conformance_check(comm, model[k], WAYS, &found);
      for (int way = 0; way < WAYS; way++) clv_model_free(&model[k][way]);
    }
    CLV_TRY(st);
  }
out:
  if (st < 0 && clv_comm_rank(comm) == 0) fprintf(stderr, "%s\n", clv_message());
  free(m);
  clv_comm_free(&comm);
  clv_comm_finalize();
  return st < 0;
}
