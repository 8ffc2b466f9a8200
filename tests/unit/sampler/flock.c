#include "flock.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = CLV_LATENT_BLOCK, SUMS = 3 };
static const double MU[2] = {1.5, -0.5}, MU_SD = 10.0;
const double        FLOCK_NOISE[2] = {2.0, 0.3};

typedef struct flock {
  clv_blocks blocks;
  double     edge;
  double    *y; /* owned, [block][2][WIDTH] */
} flock;

double flock_y(uint64_t i, int k) {
  clv_rng      rng = clv_rng_at(77, CLV_RNG_SIMULATE, i, 0, (uint32_t)k);
  const double z   = clv_rng_normal(&rng);
  return MU[k] + z + FLOCK_NOISE[k] * clv_rng_normal(&rng);
}

void flock_mu(uint64_t n, int k, double *mean, double *sd) {
  const double one = 1.0 / (1.0 + FLOCK_NOISE[k] * FLOCK_NOISE[k]);
  double       sum = 0.0;
  for (uint64_t i = 0; i < n; i++) sum += one * flock_y(i, k);
  const double precision = one * (double)n + 1.0 / (MU_SD * MU_SD);
  *mean                  = sum / precision;
  *sd                    = 1.0 / sqrt(precision);
}

void flock_theta(uint64_t n, uint64_t i, int k, double *mean, double *sd) {
  const double noise = FLOCK_NOISE[k] * FLOCK_NOISE[k], weight = 1.0 / (1.0 + noise);
  double       mu, mu_sd;
  flock_mu(n, k, &mu, &mu_sd);
  *mean = weight * flock_y(i, k) + (1.0 - weight) * mu;
  *sd   = sqrt(noise * weight + (1.0 - weight) * (1.0 - weight) * mu_sd * mu_sd);
}

static size_t     flock_two(const void *self) { return self == NULL ? 0 : 2; }
static size_t     flock_n_sum(const void *self) { return self == NULL ? 0 : SUMS; }
static clv_blocks flock_blocks(const void *self) { return ((const flock *)self)->blocks; }

static size_t block_n(const flock *f, size_t block) {
  const uint64_t first = f->blocks.first + (uint64_t)block * WIDTH;
  return f->blocks.n - first < WIDTH ? (size_t)(f->blocks.n - first) : WIDTH;
}

/* Sums: the log-density of data and customers; what pushes mu_0 and mu_1. */
static void flock_block(const void *self, size_t block, const double *phi, const double *z, double *gradient,
                        double *sum) {
  const flock  *f = self;
  const size_t  n = block_n(f, block);
  const double *y = f->y + block * 2 * WIDTH;
  memset(gradient, 0, 2 * WIDTH * sizeof *gradient);
  for (size_t i = 0; i < n; i++) {
    const double p0 = 1.0 / (FLOCK_NOISE[0] * FLOCK_NOISE[0]), p1 = 1.0 / (FLOCK_NOISE[1] * FLOCK_NOISE[1]);
    const double e0 = y[i] - (phi[0] + z[i]), e1 = y[WIDTH + i] - z[WIDTH + i], d = z[WIDTH + i] - phi[1];
    gradient[i]         = p0 * e0 - z[i];
    gradient[WIDTH + i] = p1 * e1 - d;
    sum[0] -= 0.5 * (p0 * e0 * e0 + z[i] * z[i] + p1 * e1 * e1 + d * d);
    sum[1] += p0 * e0;
    sum[2] += d;
  }
  const bool last = f->blocks.first + (uint64_t)block * WIDTH + n == f->blocks.n;
  if (last && z[n - 1] > f->edge) sum[0] = NAN;
}

static void flock_finish(const void *self, const double *phi, const double *sum, double *log_density,
                         double *gradient) {
  (void)self;
  *log_density = sum[0] - 0.5 * (phi[0] * phi[0] + phi[1] * phi[1]) / (MU_SD * MU_SD);
  for (int k = 0; k < 2; k++) gradient[k] = sum[1 + k] - phi[k] / (MU_SD * MU_SD);
}

static void flock_variable(const void *self, size_t i, clv_variable *out) {
  (void)self;
  *out = (clv_variable){.length = 1};
  snprintf(out->name, sizeof out->name, "mu_%zu", i);
}

static void flock_values(const void *self, const double *phi, double *value) {
  (void)self;
  value[0] = phi[0], value[1] = phi[1];
}

static const char *flock_name(const void *self, size_t k) {
  (void)self;
  return k == 0 ? "theta_0" : "theta_1";
}

static void flock_constrain(const void *self, size_t block, const double *phi, const double *z,
                            double *value) {
  (void)self, (void)block;
  for (size_t i = 0; i < WIDTH; i++) value[i] = phi[0] + z[i], value[WIDTH + i] = z[WIDTH + i];
}

static void flock_free(void *self) {
  if (self != NULL) free(((flock *)self)->y);
  free(self);
}

static const clv_model_ops        HYPER = {.abi        = CLV_MODEL_ABI,
                                           .name       = "flock",
                                           .n_dim      = flock_two,
                                           .n_sum      = flock_n_sum,
                                           .finish     = flock_finish,
                                           .n_variable = flock_two,
                                           .variable   = flock_variable,
                                           .constrain  = flock_values,
                                           .free       = flock_free};
static const clv_latent_model_ops FLOCK = {.abi              = CLV_LATENT_ABI,
                                           .hyper            = &HYPER,
                                           .n_latent         = flock_two,
                                           .blocks           = flock_blocks,
                                           .block            = flock_block,
                                           .latent_name      = flock_name,
                                           .latent_constrain = flock_constrain};

clv_status flock_new(const clv_comm *shards, uint64_t n, double edge, clv_latent_model *out) {
  flock     *f  = NULL;
  clv_status st = clv_calloc(1, sizeof *f, (void **)&f);
  if (st < 0) return st;
  f->edge              = edge;
  f->blocks            = clv_latent_blocks_of(n, clv_comm_rank(shards), clv_comm_size(shards));
  const size_t n_block = (size_t)(f->blocks.last_block - f->blocks.first_block);
  CLV_TRY(clv_calloc(n_block * 2 * WIDTH + 1, sizeof *f->y, (void **)&f->y));
  for (uint64_t i = f->blocks.first; i < f->blocks.last; i++)
    for (int k = 0; k < 2; k++)
      f->y[((i - f->blocks.first) / WIDTH * 2 + (uint64_t)k) * WIDTH + i % WIDTH] = flock_y(i, k);
  *out = (clv_latent_model){.ops = &FLOCK, .self = f};
  f    = NULL;
out:
  flock_free(f);
  return st;
}
