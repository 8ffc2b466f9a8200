#include "herd.h"

#include <stdlib.h>
#include <string.h>

#include "comm/blocks.h"
#include "engine/numerics/pinned.h"

typedef struct herd {
  size_t   n_block;
  uint32_t group[HERD_BLOCKS * HERD_BLOCK]; /* mine */
  double   y[HERD_BLOCKS * HERD_BLOCK];
} herd;

static size_t herd_n_dim(const void *self) { return self == NULL ? 0 : HERD_DIM; }
/* Σ (y - theta_g)² in all, then Σ (y - theta_g) per group. */
static size_t herd_n_sum(const void *self) { return self == NULL ? 0 : 1 + HERD_GROUPS; }
static size_t herd_n_block(const void *self) { return ((const herd *)self)->n_block; }

static void herd_block(const void *self, size_t block, size_t n_chain, const double *phi, double *sum) {
  const herd *data = self;
  for (size_t c = 0; c < n_chain; c++)
    for (size_t i = block * HERD_BLOCK; i < (block + 1) * HERD_BLOCK; i++) {
      const double e = data->y[i] - phi[c * HERD_DIM + 3 + data->group[i]];
      sum[c * (1 + HERD_GROUPS)] += e * e;
      sum[c * (1 + HERD_GROUPS) + 1 + data->group[i]] += e;
    }
}

static void herd_finish(const void *self, const double *phi, const double *sum, double *log_density,
                        double *gradient) {
  const double n = HERD_BLOCKS * HERD_BLOCK, mu = phi[0];
  const double tau = clv_exp(phi[1]), precision = clv_exp(-2.0 * phi[2]);
  double       lp = -0.5 * sum[0] * precision - n * phi[2] - 0.5 * mu * mu / 100.0;
  (void)self;
  lp -= 0.5 * (phi[1] * phi[1] + phi[2] * phi[2]);
  gradient[0] = -mu / 100.0;
  gradient[1] = -phi[1] - HERD_GROUPS;
  gradient[2] = sum[0] * precision - n - phi[2];
  for (size_t g = 0; g < HERD_GROUPS; g++) {
    const double z = (phi[3 + g] - mu) / tau;
    lp -= 0.5 * z * z + phi[1];
    gradient[0] += z / tau;
    gradient[1] += z * z;
    gradient[3 + g] = sum[1 + g] * precision - z / tau;
  }
  *log_density = lp;
}

static void herd_variable(const void *self, size_t i, clv_variable *out) {
  (void)self;
  memset(out, 0, sizeof *out);
  out->name[0] = (char)('a' + (int)i);
  out->length  = 1;
}

static void herd_constrain(const void *self, const double *phi, double *value) {
  (void)self;
  memcpy(value, phi, HERD_DIM * sizeof *phi);
}

static const clv_model_ops HERD = {.abi        = CLV_MODEL_ABI,
                                   .name       = "herd",
                                   .n_dim      = herd_n_dim,
                                   .n_sum      = herd_n_sum,
                                   .n_block    = herd_n_block,
                                   .block      = herd_block,
                                   .finish     = herd_finish,
                                   .n_variable = herd_n_dim,
                                   .variable   = herd_variable,
                                   .constrain  = herd_constrain,
                                   .free       = free};

clv_status herd_new(const clv_comm *shards, clv_model *out) {
  herd      *self = NULL;
  uint64_t   first, last;
  clv_status st = CLV_OK;
  clv_slice_of(HERD_BLOCKS, clv_comm_rank(shards), clv_comm_size(shards), &first, &last);
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  self->n_block = last - first;
  for (uint64_t i = first * HERD_BLOCK; i < last * HERD_BLOCK; i++) {
    clv_rng        rng = clv_rng_at(99, CLV_RNG_SIMULATE, i, 0, 0);
    const size_t   at  = i - first * HERD_BLOCK;
    const uint32_t g   = clv_rng_u32(&rng) % HERD_GROUPS;
    self->group[at]    = g;
    self->y[at]        = 3.0 + 0.1 * g + 2.0 * clv_rng_normal(&rng);
  }
  *out = (clv_model){.ops = &HERD, .self = self};
out:
  return st;
}
