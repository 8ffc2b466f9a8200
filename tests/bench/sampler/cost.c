/* What a draw costs, by count: run by hand,
 *   CLV_SHARED_DATA=... tests/mpirun.sh 1 build/release/tests/bench/sampler/sampler_cost
 * 1. Four posteriors of posteriordb, 4 chains: gradients of the warm-up, gradients per draw, and gradients
 * per effective draw of the worst value (effective sample size of the raw values by Geyer's initial monotone
 * sequence).
 * 2. 4, 16 and 64 chains in one group: the share of a pass's points that are useful, in rounds as they are
 * and in lock-step per draw, where everybody waits for the deepest tree; legs of 100 draws. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/statistical/sampler/posteriors.h"

static double autocovariance(const double *x, size_t n, double mean, size_t lag) {
  double sum = 0;
  for (size_t i = 0; i + lag < n; i++) sum += (x[i] - mean) * (x[i + lag] - mean);
  return sum / (double)n;
}

/* value [n_chain][n_draw] */
static double effective(const double *value, size_t n_chain, size_t n_draw) {
  double mean = 0, variance = 0, tau = -1, last = (double)INFINITY;
  for (size_t i = 0; i < n_chain * n_draw; i++) mean += value[i] / (double)(n_chain * n_draw);
  for (size_t c = 0; c < n_chain; c++) variance += autocovariance(value + c * n_draw, n_draw, mean, 0);
  for (size_t lag = 0; lag + 1 < n_draw; lag += 2) {
    double pair = 0;
    for (size_t c = 0; c < n_chain; c++)
      pair += autocovariance(value + c * n_draw, n_draw, mean, lag) +
              autocovariance(value + c * n_draw, n_draw, mean, lag + 1);
    pair = fmin(pair / variance, last);
    if (pair <= 0) break;
    tau += 2 * pair, last = pair;
  }
  return (double)(n_chain * n_draw) / tau;
}

static double worst_effective(const posterior *p, const run_draws *got) {
  const size_t n     = (size_t)got->n_chain * (size_t)got->n_draw;
  double      *x     = malloc(n * sizeof *x), value[POSTERIOR_VALUES_MOST];
  double       worst = (double)INFINITY;
  for (size_t v = 0; x != NULL && v < p->n_value; v++) {
    for (size_t k = 0; k < n; k++) p->report(p->context, got->phi + k * got->dim, value), x[k] = value[v];
    worst = fmin(worst, effective(x, (size_t)got->n_chain, (size_t)got->n_draw));
  }
  free(x);
  return worst;
}

static int one_cost(const clv_comm *world, posterior_name name) {
  const run how = {.plan = {4, 1000, 1000, 0.8, 10, 1}, .groups = 1, .leg = 100};
  posterior p;
  run_draws got = {0};
  const int bad = posterior_open(name, &p);
  if (bad != 0) return bad;
  const clv_model model = density_model(&p.what);
  if (run_model(world, &model, &how, &got) < 0) return 1;
  printf("%-40s %10.0f %10.2f %10.2f\n", p.reference, got.gradients[0], got.gradients[1] / 4000.0,
         got.gradients[1] / worst_effective(&p, &got));
  run_draws_free(&got);
  posterior_close(&p);
  return 0;
}

static double lock_step(const run_draws *got) {
  double useful = 0, total = 0;
  for (int t = 0; t < got->n_draw; t++) {
    int most = 0;
    for (int c = 0; c < got->n_chain; c++) {
      const int steps = got->stat[c * got->n_draw + t].n_steps;
      useful += steps, most = steps > most ? steps : most;
    }
    total += (double)most * got->n_chain;
  }
  return useful / total;
}

static int one_share(const clv_comm *world, posterior_name name, int chains) {
  const run how = {.plan = {chains, 300, 500, 0.8, 10, 1}, .groups = 1, .leg = 100};
  posterior p;
  run_draws got = {0};
  const int bad = posterior_open(name, &p);
  if (bad != 0) return bad;
  const clv_model model = density_model(&p.what);
  if (run_model(world, &model, &how, &got) < 0) return 1;
  printf("%-40s %10d %10.2f %10.2f\n", p.reference, chains, got.gradients[1] / (got.passes[1] * chains),
         lock_step(&got));
  run_draws_free(&got);
  posterior_close(&p);
  return 0;
}

int main(int argc, char **argv) {
  clv_comm *world = NULL;
  int       bad   = 0;
  if (clv_comm_init(&argc, &argv) < 0 || clv_comm_world(&world) < 0) return 1;
  printf("%-40s %10s %10s %10s\n", "posterior", "warm-up", "per draw", "per ESS");
  for (int name = 0; name < POSTERIORS && bad == 0; name++) bad = one_cost(world, (posterior_name)name);
  printf("\n%-40s %10s %10s %10s\n", "useful share of points", "chains", "rounds", "lock-step");
  for (int chains = 4; chains <= 64 && bad == 0; chains *= 4) bad = one_share(world, EIGHT_SCHOOLS, chains);
  for (int chains = 4; chains <= 64 && bad == 0; chains *= 4) bad = one_share(world, ARK, chains);
  clv_comm_free(&world);
  clv_comm_finalize();
  return bad;
}
