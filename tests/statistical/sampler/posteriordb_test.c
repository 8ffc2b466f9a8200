/* The reference moments of four posteriors are found: every mean and standard deviation within 4 standard
 * errors. 27 parameters with two statistics each: by chance alone 0.3 % of runs would fail; the seed is
 * fixed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "moments_check.h"
#include "posteriors.h"

static int check(const posterior *p, const run_draws *got) {
  reference    known[POSTERIOR_VALUES_MOST];
  double       value[POSTERIOR_VALUES_MOST];
  const size_t n_draw = (size_t)got->n_draw, n_chain = (size_t)got->n_chain, n = n_chain * n_draw;
  int          bad    = posterior_reference(p, known);
  double      *column = malloc(n * sizeof *column);
  for (size_t v = 0; !bad && column != NULL && v < p->n_value; v++) {
    for (size_t k = 0; k < n; k++) {
      p->report(p->context, got->phi + k * got->dim, value);
      column[k] = value[v];
    }
    const moments_known expected = {known[v].name, known[v].mean, known[v].sd, known[v].mcse_mean};
    const double        z        = moments_z(column, n_chain, n_draw, &expected);
    if (!(z < 4)) {
      fprintf(stderr, "%s, %s: z = %.2f\n", p->reference, known[v].name, z);
      bad = 1;
    }
    if (getenv("CLV_SHOW") != NULL) printf("%s, %s: z = %.2f\n", p->reference, known[v].name, z);
  }
  free(column);
  return bad;
}

static int one(const clv_comm *world, posterior_name name) {
  const run how = {.plan   = {.num_chains     = 4,
                              .num_warmup     = 1000,
                              .num_samples    = 2500,
                              .target_accept  = 0.8,
                              .max_tree_depth = 10,
                              .seed           = 20},
                   .groups = 1,
                   .leg    = 500};
  posterior p;
  run_draws got = {0};
  int       bad = posterior_open(name, &p);
  if (bad != 0) return bad;
  const clv_model model = density_model(&p.what);
  if (run_model(world, &model, &how, &got) < 0) {
    fprintf(stderr, "%s\n", clv_message());
    bad = 1;
  } else {
    bad = check(&p, &got);
  }
  run_draws_free(&got);
  posterior_close(&p);
  return bad;
}

int main(int argc, char **argv) {
  clv_comm *world = NULL;
  int       bad   = 0;
  if (clv_comm_init(&argc, &argv) < 0 || clv_comm_world(&world) < 0) return 1;
  for (int name = 0; name < POSTERIORS && bad == 0; name++) bad = one(world, (posterior_name)name);
  clv_comm_free(&world);
  clv_comm_finalize();
  return bad;
}
