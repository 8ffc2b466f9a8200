/* The warm-up's step size gives the acceptance that was asked for: a normal in 20 dimensions, whose
 * acceptance is a smooth function of the step size. Tolerance 0.07: 0.025 is noise (4 chains × 150 draws,
 * each with an acceptance whose sd is about 0.15, at 4 standard errors); the rest is dual averaging's own
 * bias upwards below 0.9, where log(epsilon) is averaged over a concave curve (0.757 for 0.7, 0.839 for 0.8,
 * 0.910 for 0.9, 0.950 for 0.95 when this was written). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sampler/densities.h"

#define DIM 20
#define TOLERANCE 0.07

int main(int argc, char **argv) {
  static const double ACCEPT[] = {0.7, 0.8, 0.9, 0.95};
  double              sd[DIM];
  const normal        shape = {.dim = DIM, .sd = sd, .rho = 0.5};
  const density       what  = {"normal", DIM, normal_log_density, NULL, &shape};
  const clv_model     model = density_model(&what);
  clv_comm           *world = NULL;
  int                 bad   = 0;
  if (clv_comm_init(&argc, &argv) < 0 || clv_comm_world(&world) < 0) return 1;
  for (size_t i = 0; i < DIM; i++) sd[i] = pow(10.0, (double)i / 5.0 - 2.0);
  for (size_t a = 0; a < sizeof ACCEPT / sizeof *ACCEPT; a++) {
    const run how  = {.plan = {4, 1000, 500, ACCEPT[a], 10, 41}, .groups = 1, .leg = 500};
    run_draws got  = {0};
    double    mean = 0;
    if (run_model(world, &model, &how, &got) < 0) return 1;
    for (size_t k = 0; k < 2000; k++) mean += got.stat[k].acceptance_rate / 2000.0;
    run_draws_free(&got);
    const int off = !(fabs(mean - ACCEPT[a]) < TOLERANCE);
    if (off || getenv("CLV_SHOW") != NULL) fprintf(stderr, "asked for %.2f, accepts %.3f\n", ACCEPT[a], mean);
    bad |= off;
  }
  clv_comm_free(&world);
  clv_comm_finalize();
  return bad;
}
