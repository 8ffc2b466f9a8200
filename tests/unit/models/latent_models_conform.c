/* The sharded-latent models keep the promises of latent_model.h; the individual likelihood inside
 * pareto_nbd_lognormal is that of the formula at extreme rates too. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/models/latent_conformance.h"
#include "engine/models/lognormal_latent.h"
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
  clv_comm_free(&comm);
  clv_comm_finalize();
  return bad;
}
