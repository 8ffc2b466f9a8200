/* Every purchase model, Gamma-Gamma and their joint posteriors keep the promises of model.h: gradient, NaN,
 * names, and the same posterior from customers in another order and from cells with counts. */
#include <stdio.h>

#include "engine/models/conformance.h"
#include "engine/models/joint.h"
#include "portfolio_made.h"

enum { WAYS = 3 };

typedef struct purchase_case {
  const char    *name;
  clv_prior_text override[3];
} purchase_case;

static const purchase_case PURCHASES[] = {
    {"bg_nbd", {{"alpha", "lognormal(1, 1)"}, {"a", "gamma(2, 2)"}, {"r", "half_normal(2)"}}},
    {"mbg_nbd", {{"r", "lognormal(1, 1)"}, {"b", "gamma(2, 2)"}, {"a", "half_normal(2)"}}},
    {"pareto_nbd", {{"alpha", "lognormal(1, 1)"}, {"beta", "lognormal(3, 1)"}, {"s", "half_normal(2)"}}},
    {"bg_cnbd_2", {{"alpha", "lognormal(1, 1)"}, {"a", "gamma(2, 2)"}, {"r", "half_normal(2)"}}},
    {"bg_bb", {{"alpha", "lognormal(1, 1)"}, {"gamma", "gamma(2, 2)"}, {"delta", "half_normal(2)"}}},
    {"mbg_cnbd_3", {{"r", "lognormal(1, 1)"}, {"b", "gamma(2, 2)"}, {"a", "half_normal(2)"}}},
};
enum { CASES = sizeof PURCHASES / sizeof *PURCHASES };
static const clv_prior_text SPEND_OVERRIDE[] = {{"q", "inverse_gamma(3, 8)"}, {"v", "lognormal(2, 1)"}};

static clv_status ways_build(const clv_comm *comm, const purchase_case *purchases, made *m, int overridden,
                             clv_model model[3][WAYS]) {
  const clv_prior_texts override = {purchases->override, 3}, spend_override = {SPEND_OVERRIDE, 2};
  clv_status            st = CLV_OK;
  made_fill_for(m, purchases->name);
  for (int way = 0; way < WAYS; way++) {
    if (way == 1) made_reverse(m);
    if (way == 2) made_merge(m);
    const clv_cells         cells   = made_cells(comm, m);
    const clv_spends        spends  = made_spends(comm, m, way == 1 ? 10.0 : 1.0);
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

int main(int argc, char **argv) {
  clv_comm  *comm = NULL;
  made      *m    = NULL;
  clv_status st   = clv_comm_init(&argc, &argv);
  if (st < 0) return 1;
  CLV_TRY(clv_comm_world(&comm));
  CLV_TRY(clv_alloc(1, sizeof *m, (void **)&m));
  for (int c = 0; c < 2 * CASES; c++) {
    clv_model model[3][WAYS] = {{{0}}};
    st                       = ways_build(comm, &PURCHASES[c / 2], m, c % 2, model);
    for (int k = 0; k < 3; k++) {
      clv_conformance found = {0};
      if (st == CLV_OK) st = clv_conformance_check(comm, model[k], WAYS, &found);
      if (st == CLV_OK && !(found.gradient > 0.0 && found.variant > 0.0))
        st = clv_fail(CLV_EFAULT, "nothing was compared");
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
