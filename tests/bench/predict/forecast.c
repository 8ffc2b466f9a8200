/* Seconds per million customers × 1000 draws of the streaming forecast, by hand: configure with
 * -DCLV_BENCH=ON, then bench_predict_forecast [CUSTOMERS]. One rank; ages in weeks up to a year, distinct
 * spends; tables are filled when met and are timed apart. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/posterior/forecast.h"

enum { DRAWS = 1000, CHUNK = 1 << 12 };

static void row_make(clv_rng *rng, uint32_t place, clv_forecast_row *row) {
  const double   T = floor(7.0 * (26.0 + 26.0 * clv_rng_uniform(rng))) / 7.0;
  const uint32_t x = (uint32_t)clv_rng_poisson(rng, clv_rng_gamma(rng, 0.3, 0.2));
  *row             = (clv_forecast_row){.who = {.x = x, .T = T}, .place = place};
  if (x == 0) return;
  row->who.t_x   = floor(7.0 * T * clv_rng_uniform(rng)) / 7.0;
  row->who.spend = 10.0 + 50.0 * clv_rng_uniform(rng);
}

int main(int argc, char **argv) {
  const size_t     n         = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000;
  const double     horizon[] = {39.0}, quantile[] = {0.05, 0.5, 0.95};
  double          *theta = calloc(DRAWS * 4, sizeof *theta), *spend = calloc(DRAWS * 3, sizeof *spend);
  double           seconds[2] = {0.0, 0.0};
  clv_forecast    *forecast   = NULL;
  clv_comm        *self       = NULL;
  clv_forecast_row row[CHUNK];
  clv_rng          rng = clv_rng_at(1, CLV_RNG_SIMULATE, 0, 0, 0);
  if (clv_comm_init(&argc, &argv) < 0 || clv_comm_self(&self) < 0) return 1;
  for (size_t s = 0; s < DRAWS; s++) {
    const double u = clv_rng_uniform(&rng);
    theta[4 * s] = 0.23 + 0.02 * u, theta[4 * s + 1] = 4.2 + 0.4 * u, theta[4 * s + 2] = 0.7 + 0.2 * u,
              theta[4 * s + 3] = 2.2 + 0.4 * u;
    spend[3 * s] = 6.0 + 0.5 * u, spend[3 * s + 1] = 3.6 + 0.2 * u, spend[3 * s + 2] = 15.0 + u;
  }
  const clv_forecast_plan plan = {.process     = clv_process_find("bg_nbd"),
                                  .spend       = clv_spend_find("gamma_gamma"),
                                  .n_draw      = DRAWS,
                                  .n_segment   = 1,
                                  .theta       = theta,
                                  .spend_theta = spend,
                                  .n_horizon   = 1,
                                  .n_quantile  = 3,
                                  .horizon     = horizon,
                                  .quantile    = quantile,
                                  .delta       = 0.0018,
                                  .margin      = 1.0,
                                  .T_least     = 26.0,
                                  .T_most      = 52.0};
  clv_forecast_key        key[16];
  for (uint32_t k = 0; k < 16; k++) key[k] = (clv_forecast_key){.x = k, .n = 1000};
  double start = clv_clock();
  if (clv_forecast_new(&plan, &forecast) < 0 || clv_forecast_tabulate(forecast, self, key, 16) < 0) return 1;
  seconds[0]     = clv_clock() - start;
  double *result = calloc(CHUNK, clv_forecast_width(forecast) * sizeof *result);
  size_t  done   = 0;
  while (done < n) {
    for (uint32_t i = 0; i < CHUNK; i++) do
        row_make(&rng, i, &row[i]);
      while (row[i].who.x >= 16);
    start = clv_clock();
    if (clv_forecast_summarise(forecast, CHUNK, row, result) < 0) return 1;
    seconds[1] += clv_clock() - start;
    done += CHUNK;
  }
  printf("16 tables %.2f s; %.1f s per million customers x %d draws (%zu customers)\n", seconds[0],
         1e6 * seconds[1] / (double)done, DRAWS, done);
  free(result), free(theta), free(spend);
  clv_forecast_free(&forecast);
  clv_comm_free(&self);
  clv_comm_finalize();
  return 0;
}
