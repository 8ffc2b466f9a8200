/* Means and standard deviations of a normal with correlation 0.99 and scales 1e-3 … 1e3 are found, each
 * within 4 Monte-Carlo standard errors, at the price of a few gradients per draw: without a dense metric it
 * takes hundreds. */
#include <stdio.h>
#include <stdlib.h>

#include "moments_check.h"
#include "tests/unit/sampler/densities.h"

#define DIM 7
#define GRADIENTS_MOST 8.0

static int check(const run_draws *got, const double *sd) {
  const size_t n_draw = (size_t)got->n_draw, n_chain = (size_t)got->n_chain, n = n_chain * n_draw;
  double      *column = malloc(n * sizeof *column), steps = 0;
  int          bad = column == NULL;
  for (size_t i = 0; !bad && i < DIM; i++) {
    const moments_known known = {"x", (double)i, sd[i], 0};
    for (size_t k = 0; k < n; k++) column[k] = got->phi[k * DIM + i];
    const double z = moments_z(column, n_chain, n_draw, &known);
    if (!(z < 4)) bad = 1, fprintf(stderr, "x%zu: z = %.2f\n", i, z);
  }
  for (size_t k = 0; k < n; k++) steps += got->stat[k].n_steps;
  if (!(steps < GRADIENTS_MOST * (double)n))
    bad = 1, fprintf(stderr, "%.1f gradients per draw\n", steps / (double)n);
  free(column);
  return bad;
}

int main(int argc, char **argv) {
  const double  sd[DIM] = {1e-3, 1e-2, 0.1, 1, 10, 100, 1e3};
  const normal  shape   = {.dim = DIM, .sd = sd, .rho = 0.99};
  const density what    = {"normal", DIM, normal_log_density, NULL, &shape};
  const run     how     = {.plan   = {.num_chains     = 4,
                                      .num_warmup     = 1000,
                                      .num_samples    = 5000,
                                      .target_accept  = 0.8,
                                      .max_tree_depth = 10,
                                      .seed           = 7},
                           .groups = 1,
                           .leg    = 1000};
  clv_comm     *world   = NULL;
  run_draws     got     = {0};
  int           bad     = 1;
  if (clv_comm_init(&argc, &argv) < 0 || clv_comm_world(&world) < 0) return 1;
  const clv_model model = density_model(&what);
  if (run_model(world, &model, &how, &got) < 0)
    fprintf(stderr, "%s\n", clv_message());
  else
    bad = check(&got, sd);
  run_draws_free(&got);
  clv_comm_free(&world);
  clv_comm_finalize();
  return bad;
}
