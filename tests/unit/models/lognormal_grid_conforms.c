/* pareto_nbd_lognormal keeps the promises of model.h, the same from customers in another order and with
 * priors of the user's; and half the grid's step changes next to nothing. */
#include <math.h>
#include <stdio.h>

#include "comm/accumulator.h"
#include "engine/models/conformance.h"
#include "engine/models/pareto_nbd_lognormal.h"

enum { N = 60, WAYS = 2 };
static const clv_prior_text OVERRIDE[] = {{"mean_log_mu", "normal(-3, 1)"},
                                          {"sd_log_mu", "lognormal(0, 1)"},
                                          {"correlation", "uniform(-1, 1)"},
                                          {"tau_mean_log_mu", "lognormal(-1, 1)"}};

/* One segment; three with parameters of their own; three pooled, of which the first is large. */
typedef enum layout { ONE, APART, POOLED, LAYOUTS } layout;

typedef struct customers {
  uint32_t x[N], segment[N], count[N];
  double   t_x[N], T[N];
} customers;

static clv_cells cells_make(const clv_comm *comm, int reversed, layout how, customers *c) {
  const clv_blocks blocks = clv_blocks_of(N, clv_comm_rank(comm), clv_comm_size(comm));
  for (size_t i = 0; i < N; i++) {
    const size_t k = reversed ? N - 1 - i : i;
    c->x[i]        = (uint32_t)(k % 3 == 0 ? 0 : k % 17);
    c->T[i]        = 26.0 + (double)(k % 13);
    c->t_x[i]      = c->x[i] == 0 ? 0.0 : c->T[i] * (0.2 + 0.8 * (double)(k % 7) / 6.0);
    c->segment[i]  = k < 30 ? 0 : k < 45 ? 1 : 2;
    c->count[i]    = c->segment[i] == 0 ? 5 : 1;
  }
  return (clv_cells){.blocks    = blocks,
                     .segment   = how == ONE ? NULL : c->segment + blocks.first,
                     .x         = c->x + blocks.first,
                     .t_x       = c->t_x + blocks.first,
                     .T         = c->T + blocks.first,
                     .count     = c->count + blocks.first,
                     .n_segment = how == ONE ? 1 : 3,
                     .pooled    = how == POOLED};
}

/* [0] log-likelihood at a point. */
static clv_status likelihood_of(const clv_comm *comm, const clv_model *model, const double *phi,
                                double *value) {
  double            sum[6];
  clv_accumulator  *sums = NULL;
  const clv_summand what = {model->self, model->ops->n_block(model->self), 6, 5, model->ops->block};
  clv_status        st   = CLV_OK;
  CLV_TRY(clv_accumulator_new(comm, &what, 1, &sums));
  CLV_TRY(clv_accumulator_evaluate(sums, 1, phi, sum));
  *value = model->ops->log_likelihood(model->self, phi, sum);
out:
  clv_accumulator_free(&sums);
  return st;
}

static clv_status steps_compare(const clv_comm *comm, const clv_model *model) {
  static const double POINT[][5] = {
      {-3.5, -3.6, 0.1, 0.4, 0.0}, {-3.0, -4.5, 0.0, 0.0, 0.3}, {-4, -3, 0.2, 0.6, -0.2}};
  clv_model  fine = {0};
  double     coarse_value, fine_value;
  clv_status st = CLV_OK;
  CLV_TRY(model->ops->refined(model->self, &fine));
  for (size_t k = 0; k < sizeof POINT / sizeof *POINT; k++) {
    CLV_TRY(likelihood_of(comm, model, POINT[k], &coarse_value));
    CLV_TRY(likelihood_of(comm, &fine, POINT[k], &fine_value));
    /* 2 exp(-2 pi^2 s^2 / h^2) is below 1e-6 a customer, for s > 0.85 h; single precision adds 1e-7 */
    if (!(fabs(coarse_value - fine_value) < 1e-6 * N * 3))
      st = clv_fail(CLV_EFAULT, "half the step changes the log-likelihood from %.12g to %.12g", coarse_value,
                    fine_value);
  }
out:
  clv_model_free(&fine);
  return st;
}

int main(int argc, char **argv) {
  clv_comm  *comm = NULL;
  clv_status st   = clv_comm_init(&argc, &argv);
  if (st < 0) return 1;
  CLV_TRY(clv_comm_world(&comm));
  for (int how = 0; how < 2 * LAYOUTS; how++) {
    const clv_prior_texts texts       = {OVERRIDE, sizeof OVERRIDE / sizeof *OVERRIDE};
    clv_model             model[WAYS] = {{0}};
    clv_conformance       found       = {0};
    for (int way = WAYS; way-- > 0 && st == CLV_OK;) {
      customers               c;
      const clv_cells         cells = cells_make(comm, way, (layout)(how / 2), &c);
      const clv_purchase_data data  = {comm, &cells, how % 2 == 1 ? &texts : NULL};
      st                            = clv_pareto_nbd_lognormal_new(&data, &model[way]);
      if (st == CLV_OK && way == 0 && how < 2) st = steps_compare(comm, &model[0]);
    }
    if (st == CLV_OK) st = clv_conformance_check(comm, model, WAYS, &found);
    if (st == CLV_OK && !(found.gradient > 0.0)) st = clv_fail(CLV_EFAULT, "nothing was compared");
    for (int way = 0; way < WAYS; way++) clv_model_free(&model[way]);
    CLV_TRY(st);
  }
out:
  if (st < 0 && clv_comm_rank(comm) == 0) fprintf(stderr, "%s\n", clv_message());
  clv_comm_free(&comm);
  clv_comm_finalize();
  return st < 0;
}
