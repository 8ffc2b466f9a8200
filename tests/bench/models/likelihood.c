/* Nanoseconds per row, gradient and chain of the collapsed models on one core, beside the read bandwidth
 * measured here. Build with -DCLV_BENCH=ON and run by hand: CLV_ISA=plain|avx2|avx512 bench_models_likelihood
 * [rows] */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/models/gamma_gamma.h"
#include "engine/models/gamma_value.h"
#include "engine/models/purchases.h"
#include "engine/numerics/isa.h"

enum { REPEATS = 7, SUMS_MOST = 256 };

static double pass_seconds_at(const clv_model *model, const double *phi) {
  const size_t n_block = model->ops->n_block(model->self);
  double       best    = 1e9;
  for (int k = 0; k < REPEATS; k++) {
    double       sum[SUMS_MOST] = {0};
    const double start          = clv_clock();
    for (size_t b = 0; b < n_block; b++) model->ops->block(model->self, b, 1, phi, sum);
    const double seconds = clv_clock() - start;
    if (seconds < best) best = seconds;
  }
  return best;
}

static double pass_seconds(const clv_model *model, double *phi) {
  clv_model_start(model, 1, 0, phi);
  return pass_seconds_at(model, phi);
}

static double read_bytes_per_second(const double *data, size_t n) {
  double best = 1e9;
  for (int k = 0; k < REPEATS; k++) {
    double       lane[32] = {0};
    const double start    = clv_clock();
    for (size_t i = 0; i + 32 <= n; i += 32)
      for (size_t l = 0; l < 32; l++) lane[l] += data[i + l];
    const double seconds = clv_clock() - start;
    if (lane[0] > 0.0 && seconds < best) best = seconds;
  }
  return (double)(n * sizeof *data) / best;
}

/* `buyers` of 10 rows have x > 0; in continuous time, or on a grid of days over a year. */
static void rows_make(size_t n, unsigned buyers, bool by_day, uint32_t *x, double *t_x, double *T) {
  for (size_t i = 0; i < n; i++) {
    clv_rng rng = clv_rng_at(1, CLV_RNG_SIMULATE, i, 0, 0);
    T[i]        = 27.0 + 12.0 * clv_rng_uniform(&rng);
    x[i]        = i % 10 < buyers ? 1 + (uint32_t)clv_rng_poisson(&rng, 1.5) : 0;
    t_x[i]      = x[i] == 0 ? 0.0 : T[i] * clv_rng_uniform(&rng);
    if (by_day) T[i] = ceil(7.0 * T[i]) / 7.0, t_x[i] = ceil(7.0 * t_x[i]) / 7.0;
  }
}

static clv_status bg_time(const clv_comm *comm, size_t n, unsigned buyers, bool by_day,
                          const uint32_t *count) {
  uint32_t  *x     = NULL;
  double    *t_x   = NULL, phi[8];
  clv_model  model = {0};
  clv_status st    = CLV_OK;
  CLV_TRY(clv_alloc(n, sizeof *x, (void **)&x));
  CLV_TRY(clv_alloc(2 * n, sizeof *t_x, (void **)&t_x));
  rows_make(n, buyers, by_day, x, t_x, t_x + n);
  const clv_cells cells = {
      .blocks = clv_blocks_of(n, 0, 1), .x = x, .t_x = t_x, .T = t_x + n, .count = count, .n_segment = 1};
  CLV_TRY(clv_purchases_new("bg_nbd", &(clv_purchase_data){comm, &cells, NULL}, &model));
  printf("bg_nbd, %u0 %% with x > 0, %s, %s: %.2f ns\n", buyers, by_day ? "by day" : "continuous time",
         count == NULL ? "counts all one" : "counts", 1e9 * pass_seconds(&model, phi) / (double)n);
out:
  clv_model_free(&model);
  free(x);
  free(t_x);
  return st;
}

static clv_status spend_time(const clv_comm *comm, size_t n) {
  uint32_t  *x     = NULL;
  double    *mean  = NULL, phi[8];
  clv_model  model = {0};
  clv_status st    = CLV_OK;
  CLV_TRY(clv_alloc(n, sizeof *x, (void **)&x));
  CLV_TRY(clv_alloc(n, sizeof *mean, (void **)&mean));
  for (size_t i = 0; i < n; i++) {
    clv_rng rng = clv_rng_at(2, CLV_RNG_SIMULATE, i, 0, 0);
    x[i]        = 1 + (uint32_t)clv_rng_poisson(&rng, 1.5);
    mean[i]     = clv_rng_gamma(&rng, 6.0, 0.2);
  }
  const clv_spends spends = {
      .blocks = clv_blocks_of(n, 0, 1), .x = x, .mean = mean, .n_segment = 1, .rescale_factor = 1.0};
  CLV_TRY(clv_gamma_gamma_new(comm, &spends, NULL, &model));
  const double seconds = pass_seconds(&model, phi), bytes = read_bytes_per_second(mean, n);
  printf("gamma_gamma: %.3f ns; reading its 8 bytes: %.3f ns (%.1f GB/s)\n", 1e9 * seconds / (double)n,
         8e9 / bytes, 1e-9 * bytes);
out:
  clv_model_free(&model);
  free(x);
  free(mean);
  return st;
}

/* Each customer's amounts have a shape of their own. */
static void amounts_make(size_t n, uint32_t *x, double *mean, double *mean_log) {
  for (size_t i = 0; i < n; i++) {
    clv_rng      rng   = clv_rng_at(3, CLV_RNG_SIMULATE, i, 0, 0);
    const double shape = exp(0.7 + 0.6 * clv_rng_normal(&rng)), scale = exp(3.4 + 0.5 * clv_rng_normal(&rng));
    mean[i] = mean_log[i] = 0.0;
    x[i]                  = 1 + (uint32_t)clv_rng_poisson(&rng, 1.5);
    for (uint32_t k = 0; k < x[i]; k++) {
      const double amount = clv_rng_gamma(&rng, shape, shape / scale);
      mean[i] += amount / x[i], mean_log[i] += log(amount) / x[i];
    }
  }
}

static clv_status amounts_time(const clv_comm *comm, size_t n) {
  const double truth[] = {0.7, 3.4, log(0.6), log(0.5), 0.0};
  uint32_t    *x       = NULL;
  double      *mean    = NULL;
  clv_model    model   = {0};
  clv_status   st      = CLV_OK;
  CLV_TRY(clv_alloc(n, sizeof *x, (void **)&x));
  CLV_TRY(clv_alloc(2 * n, sizeof *mean, (void **)&mean));
  amounts_make(n, x, mean, mean + n);
  const clv_spends spends = {.blocks         = clv_blocks_of(n, 0, 1),
                             .x              = x,
                             .mean           = mean,
                             .mean_log       = mean + n,
                             .n_segment      = 1,
                             .rescale_factor = 1.0};
  CLV_TRY(clv_gamma_value_new(comm, &spends, NULL, &model));
  printf("gamma_value: %.0f ns\n", 1e9 * pass_seconds_at(&model, truth) / (double)n);
out:
  clv_model_free(&model);
  free(x);
  free(mean);
  return st;
}

enum { COLUMNS = 3, VECTORS = 10 };

/* Three columns that act on everything; every customer has a vector of his own, or one of VECTORS. */
static void vectors_make(size_t n, bool own, double *w) {
  for (size_t i = 0; i < n; i++) {
    clv_rng rng = clv_rng_at(4, CLV_RNG_SIMULATE, own ? i : i % VECTORS, 0, 0);
    for (size_t c = 0; c < COLUMNS; c++) w[i * COLUMNS + c] = clv_rng_normal(&rng);
  }
}

/* The same at whole opportunities, as bg_bb has them. */
static void opportunities_make(size_t n, uint32_t *x, double *t_x, double *T) {
  for (size_t i = 0; i < n; i++) {
    T[i]   = ceil(T[i]);
    t_x[i] = x[i] > 0 ? fmax(1.0, ceil(t_x[i])) : 0.0;
    if ((double)x[i] > t_x[i]) x[i] = (uint32_t)t_x[i];
  }
}

/* Purchases and spend with covariates. gamma_gamma is fitted to the same customers' x + 1. */
static clv_status covariates_time(const clv_comm *comm, const char *name, size_t n, bool own) {
  static const uint32_t COLUMN[COLUMNS] = {0, 1, 2};
  static const double   ONE[COLUMNS]    = {1.0, 1.0, 1.0};
  const clv_blocks      blocks          = clv_blocks_of(n, 0, 1);
  uint32_t             *x               = NULL;
  double               *real            = NULL, phi[32];
  clv_model             model           = {0};
  clv_status            st              = CLV_OK;
  CLV_TRY(clv_alloc(n, sizeof *x, (void **)&x));
  CLV_TRY(clv_alloc((3 + COLUMNS) * n, sizeof *real, (void **)&real));
  rows_make(n, 4, false, x, real, real + n);
  if (strcmp(name, "bg_bb") == 0) opportunities_make(n, x, real, real + n);
  vectors_make(n, own, real + 3 * n);
  const clv_covariates w     = {COLUMNS, COLUMNS, real + 3 * n, ONE, {3, 3, 3}, {COLUMN, COLUMN, COLUMN}};
  const clv_cells      cells = {
           .blocks = blocks, .x = x, .t_x = real, .T = real + n, .n_segment = 1, .covariates = &w};
  clv_spends spends = {.blocks         = blocks,
                       .x              = x,
                       .mean           = real + 2 * n,
                       .n_segment      = 1,
                       .rescale_factor = 1.0,
                       .covariates     = &w};
  if (strcmp(name, "gamma_gamma") == 0) {
    for (size_t i = 0; i < n; i++) x[i]++, real[2 * n + i] = 5.0 + real[n + i];
    CLV_TRY(clv_gamma_gamma_new(comm, &spends, NULL, &model));
  } else {
    CLV_TRY(clv_purchases_new(name, &(clv_purchase_data){comm, &cells, NULL}, &model));
  }
  printf("%s, three covariates on each process, %s: %.1f ns\n", name, own ? "row by row" : "by groups",
         1e9 * pass_seconds(&model, phi) / (double)n);
out:
  clv_model_free(&model);
  free(x);
  free(real);
  return st;
}

int main(int argc, char **argv) {
  static const char *const WITH[] = {"bg_nbd", "mbg_nbd", "pareto_nbd", "bg_cnbd_2", "bg_bb", "gamma_gamma"};
  clv_comm                *comm   = NULL;
  uint32_t                *count  = NULL;
  clv_status               st     = clv_comm_init(&argc, &argv);
  const size_t             n      = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
  if (st < 0 || n == 0 || n > 100000000) return 2;
  CLV_TRY(clv_comm_self(&comm));
  CLV_TRY(clv_alloc(n, sizeof *count, (void **)&count));
  for (size_t i = 0; i < n; i++) count[i] = 1 + (uint32_t)(i % 5);
  printf("%zu rows, %s\n", n, clv_isa_name(clv_isa_best()));
  for (int by_day = 0; by_day < 2; by_day++) {
    CLV_TRY(bg_time(comm, n, 0, by_day, NULL));
    CLV_TRY(bg_time(comm, n, 4, by_day, NULL));
    CLV_TRY(bg_time(comm, n, 10, by_day, NULL));
    CLV_TRY(bg_time(comm, n, 10, by_day, count));
  }
  CLV_TRY(spend_time(comm, n));
  CLV_TRY(amounts_time(comm, n < 20000 ? n : 20000));
  for (size_t k = 0; k < 2 * (sizeof WITH / sizeof *WITH); k++)
    CLV_TRY(covariates_time(comm, WITH[k / 2], n, k % 2 == 0));
out:
  if (st < 0) fprintf(stderr, "%s\n", clv_message());
  free(count);
  clv_comm_free(&comm);
  clv_comm_finalize();
  return st < 0;
}
