/* The sharded-latent models keep the promises of latent_model.h; the individual likelihood inside
 * pareto_nbd_lognormal is that of the formula at extreme rates too. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/models/gamma_value_latent.h"
#include "engine/models/joint.h"
#include "engine/models/latent_conformance.h"
#include "engine/models/lognormal_latent.h"
#include "engine/models/purchases.h"
#include "tests/unit/sampler/flock.h"

enum { CUSTOMERS = 2500 };

/* Buyers of all kinds: none, one, and many purchases; some seen on their last day. */
static clv_status histories_made(const clv_comm *comm, clv_latent_model *out) {
  static uint32_t x[CUSTOMERS];
  static double   t_x[CUSTOMERS], T[CUSTOMERS];
  clv_histories   h = {.blocks = clv_latent_blocks_of(CUSTOMERS, clv_comm_rank(comm), clv_comm_size(comm))};
  for (uint64_t i = h.blocks.first; i < h.blocks.last; i++) {
    const size_t k = (size_t)(i - h.blocks.first);
    clv_rng      r = clv_rng_at(8, CLV_RNG_SIMULATE, i, 0, 0);
    T[k]           = 20.0 + 30.0 * clv_rng_uniform(&r);
    x[k]           = (uint32_t)clv_rng_poisson(&r, 4.0 * clv_rng_exponential(&r) * clv_rng_exponential(&r));
    t_x[k]         = x[k] == 0 ? 0.0 : i % 50 == 0 ? T[k] : T[k] * clv_rng_uniform(&r);
  }
  h.x = x, h.t_x = t_x, h.T = T;
  return clv_lognormal_latent_new(comm, &h, NULL, out);
}

/* Amounts of shapes from erratic to steady, some equal; a third of the customers have none. */
static clv_status amounts_made(const clv_comm *comm, clv_latent_model *out) {
  static uint32_t n[CUSTOMERS];
  static double   mean[CUSTOMERS], mean_log[CUSTOMERS];
  clv_amounts     a = {.blocks = clv_latent_blocks_of(CUSTOMERS, clv_comm_rank(comm), clv_comm_size(comm))};
  for (uint64_t i = a.blocks.first; i < a.blocks.last; i++) {
    const size_t k     = (size_t)(i - a.blocks.first);
    clv_rng      r     = clv_rng_at(9, CLV_RNG_SIMULATE, i, 0, 0);
    const double shape = i % 50 == 1 ? 0.05 : i % 50 == 2 ? 300.0 : exp(0.7 + 0.6 * clv_rng_normal(&r));
    n[k]               = (uint32_t)(i % 3 == 0 ? 0 : i % 100 == 1 ? 200 : 1 + i % 7);
    mean[k] = mean_log[k] = 0.0;
    for (uint32_t t = 0; t < n[k]; t++) {
      const double v = i % 50 == 4 ? 20.0 : 1e-3 + clv_rng_gamma(&r, shape, shape / 40.0);
      mean[k] += v / n[k], mean_log[k] += log(v) / n[k];
    }
  }
  a.n = n, a.mean = mean, a.mean_log = mean_log, a.rescale_factor = 1.0;
  return clv_gamma_value_latent_new(comm, &a, NULL, out);
}

static clv_status purchases_made(const clv_comm *comm, clv_model *out) {
  static const uint32_t   X[] = {0, 1, 5}, COUNT[] = {900, 200, 3};
  static const double     T_X[] = {0.0, 10.0, 22.5}, T[] = {30.0, 30.0, 25.0};
  const clv_blocks        b     = clv_blocks_of(3, clv_comm_rank(comm), clv_comm_size(comm));
  const clv_cells         cells = {.blocks    = b,
                                   .x         = X + b.first,
                                   .t_x       = T_X + b.first,
                                   .T         = T + b.first,
                                   .count     = COUNT + b.first,
                                   .n_segment = 1};
  const clv_purchase_data data  = {.comm = comm, .cells = &cells};
  return clv_purchases_new("bg_nbd", &data, out);
}

/* Customers sampled in the second part, and in the first or not: three parts of which one is rows of phi. */
static clv_status joint_made(const clv_comm *comm, clv_latent_model *out) {
  clv_latent_model            one = {0}, two = {0};
  clv_model                   part[3] = {{0}};
  const clv_latent_model_ops *table[3];
  clv_status                  st = CLV_OK;
  CLV_TRY(histories_made(comm, &one));
  CLV_TRY(purchases_made(comm, &part[1]));
  CLV_TRY(amounts_made(comm, &two));
  part[0] = clv_latent_model_hyper(&one), part[2] = clv_latent_model_hyper(&two);
  table[0] = one.ops, table[1] = NULL, table[2] = two.ops;
  CLV_TRY(clv_latent_joint_new(part, table, 3, out));
out:
  return st;
}

static int check(const clv_comm *comm, const char *name, clv_status made, clv_latent_model *model) {
  double worst = 0.0;
  if (made < 0 || clv_latent_conformance_check(comm, model, &worst) < 0) {
    fprintf(stderr, "%s: %s\n", name, clv_message());
    made = CLV_EFAULT;
  }
  if (model->ops != NULL) clv_latent_model_free(model);
  return made < 0;
}

int main(int argc, char **argv) {
  clv_comm        *comm  = NULL;
  clv_latent_model model = {0};
  int              bad   = 0;
  if (clv_comm_init(&argc, &argv) < 0 || clv_comm_world(&comm) < 0) return 1;
  bad |= check(comm, "flock", flock_new(comm, CUSTOMERS, INFINITY, &model), &model);
  bad |= check(comm, "pareto_nbd_lognormal", histories_made(comm, &model), &model);
  bad |= check(comm, "gamma_value", amounts_made(comm, &model), &model);
  bad |= check(comm, "joint", joint_made(comm, &model), &model);
  clv_comm_free(&comm);
  clv_comm_finalize();
  return bad;
}
