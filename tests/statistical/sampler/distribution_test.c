/* The choice of the draw along a trajectory is right: the whole distribution, not only its moments, by a
 * Kolmogorov-Smirnov test of thinned draws of a standard normal and of a skewed density (the log of a
 * Gamma(2) variable), each at a small, a medium and a large step size: through target_accept, so that trees
 * of all depths occur. The adapted acceptance is near the target. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sampler/densities.h"

#define THIN 5
#define DRAWS 20000

static double normal_1(const void *context, const double *x, double *gradient) {
  (void)context;
  gradient[0] = -x[0];
  return -0.5 * x[0] * x[0];
}
static double normal_cdf(double x) { return 0.5 * erfc(-x * sqrt(0.5)); }

/* x = log y, y ~ Gamma(2, 1): density e^(2x - e^x). */
static double log_gamma_2(const void *context, const double *x, double *gradient) {
  (void)context;
  gradient[0] = 2.0 - exp(x[0]);
  return 2.0 * x[0] - exp(x[0]);
}
static double log_gamma_2_cdf(double x) {
  const double y = exp(x);
  return -expm1(-y) - y * exp(-y);
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* √n times the largest distance of the empirical from the true distribution; above 1.95 with probability
 * 0.001. */
static double kolmogorov(double *x, size_t n, double (*cdf)(double)) {
  double most = 0;
  qsort(x, n, sizeof *x, ascending);
  for (size_t i = 0; i < n; i++) {
    const double f = cdf(x[i]);
    most           = fmax(most, fmax(f - (double)i / (double)n, (double)(i + 1) / (double)n - f));
  }
  return most * sqrt((double)n);
}

typedef struct known {
  density what;
  double (*cdf)(double);
} known;

static int check(const clv_comm *world, const known *target, double target_accept) {
  const run       how    = {.plan   = {.num_chains     = 4,
                                       .num_warmup     = 400,
                                       .num_samples    = DRAWS / 4,
                                       .target_accept  = target_accept,
                                       .max_tree_depth = 10,
                                       .seed           = 31},
                            .groups = 1,
                            .leg    = DRAWS};
  const clv_model model  = density_model(&target->what);
  run_draws       got    = {0};
  double          accept = 0;
  if (run_model(world, &model, &how, &got) < 0) return fprintf(stderr, "%s\n", clv_message());
  for (size_t k = 0; k < DRAWS; k++) accept += got.stat[k].acceptance_rate / DRAWS;
  for (size_t k = 0; k < DRAWS / THIN; k++) got.phi[k] = got.phi[k * THIN];
  const double distance = kolmogorov(got.phi, DRAWS / THIN, target->cdf);
  run_draws_free(&got);
  /* Dual averaging with 4 × 60 draws at the end of the warm-up; in one dimension acceptance jumps with the
   * tree's depth. */
  const int bad = !(distance < 1.95) || !(fabs(accept - target_accept) < 0.16);
  if (bad || getenv("CLV_SHOW") != NULL)
    fprintf(stderr, "%s at %.2f: distance %.2f, acceptance %.3f\n", target->what.name, target_accept,
            distance, accept);
  return bad;
}

int main(int argc, char **argv) {
  static const known  TARGETS[] = {{{"normal", 1, normal_1, NULL, NULL}, normal_cdf},
                                   {{"log-gamma", 1, log_gamma_2, NULL, NULL}, log_gamma_2_cdf}};
  static const double ACCEPT[]  = {0.6, 0.8, 0.95, 0.99};
  clv_comm           *world     = NULL;
  int                 bad       = 0;
  if (clv_comm_init(&argc, &argv) < 0 || clv_comm_world(&world) < 0) return 1;
  for (size_t t = 0; t < 2; t++)
    for (size_t a = 0; a < 4; a++) bad |= check(world, &TARGETS[t], ACCEPT[a]);
  clv_comm_free(&world);
  clv_comm_finalize();
  return bad != 0;
}
