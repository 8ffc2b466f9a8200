#include "engine/models/latent_conformance.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "comm/accumulator.h"

enum { N_POINT = 3, SEED = 20090101, LOOKED_AT = 3, WIDTH = CLV_LATENT_BLOCK };

/* The model at one point. */
typedef struct probe {
  const clv_comm         *comm;  /* borrowed */
  const clv_latent_model *model; /* borrowed */
  clv_model               hyper;
  clv_accumulator        *sums; /* owned */
  clv_blocks              blocks;
  size_t                  n_phi, n_latent, width, n_block;
  double                 *phi, *phi_gradient, *spare, *sum; /* owned */
  double                 *z, *gradient;                     /* owned, [n_block][width] */
} probe;

static void probe_end(probe *p) {
  clv_accumulator_free(&p->sums);
  free(p->phi), free(p->phi_gradient), free(p->spare), free(p->sum), free(p->z), free(p->gradient);
}

static void probe_block(const void *self, size_t block, size_t n_chain, const double *phi, double *sum) {
  const probe *p = self;
  const size_t o = block * p->width;
  if (block >= p->n_block) {
    p->hyper.ops->block(p->model->self, block - p->n_block, n_chain, phi, sum);
    return;
  }
  p->model->ops->block(p->model->self, block, phi, p->z + o, p->gradient + o, sum);
}

static clv_status probe_begin(const clv_comm *comm, const clv_latent_model *model, probe *p) {
  clv_status st           = CLV_OK;
  p->comm                 = comm;
  p->model                = model;
  p->hyper                = clv_latent_model_hyper(model);
  p->blocks               = model->ops->blocks(model->self);
  p->n_phi                = p->hyper.ops->n_dim(model->self);
  p->n_latent             = model->ops->n_latent(model->self);
  p->width                = p->n_latent * WIDTH;
  p->n_block              = (size_t)(p->blocks.last_block - p->blocks.first_block);
  const size_t      n_sum = p->hyper.ops->n_sum(model->self);
  const size_t      rows  = p->hyper.ops->n_block == NULL ? 0 : p->hyper.ops->n_block(model->self);
  const clv_summand w     = {p, p->n_block + rows, n_sum, p->n_phi, probe_block};
  if (p->n_phi < 1 || p->n_latent < 1 || p->n_latent > CLV_LATENT_MOST)
    return clv_fail(CLV_EUSAGE,
                    "model %s: %zu hyperparameters and %zu own parameters; expected at least 1, and 1 to %u",
                    p->hyper.ops->name, p->n_phi, p->n_latent, CLV_LATENT_MOST);
  CLV_TRY(clv_calloc(p->n_phi, sizeof(double), (void **)&p->phi));
  CLV_TRY(clv_calloc(p->n_phi, sizeof(double), (void **)&p->phi_gradient));
  CLV_TRY(clv_calloc(p->n_phi, sizeof(double), (void **)&p->spare));
  CLV_TRY(clv_calloc(n_sum + 1, sizeof(double), (void **)&p->sum));
  CLV_TRY(clv_calloc(p->n_block * p->width + 1, sizeof(double), (void **)&p->z));
  CLV_TRY(clv_calloc(p->n_block * p->width + 1, sizeof(double), (void **)&p->gradient));
  CLV_TRY(clv_accumulator_new(comm, &w, 1, &p->sums));
out:
  return st;
}

/* Customers of my block. */
static size_t block_n(const probe *p, size_t block) {
  const uint64_t left = p->blocks.n - (p->blocks.first_block + block) * WIDTH;
  return left < WIDTH ? (size_t)left : WIDTH;
}

static void probe_place(probe *p, uint32_t point) {
  const clv_latent_model_ops *ops = p->model->ops;
  clv_model_start(&p->hyper, SEED, point, p->phi);
  for (size_t b = 0; b < p->n_block; b++) {
    double *z = p->z + b * p->width;
    memset(z, 0, p->width * sizeof *z);
    if (ops->latent_start != NULL) ops->latent_start(p->model->self, b, p->phi, z);
    for (size_t i = 0; i < block_n(p, b); i++) {
      clv_rng rng = clv_rng_at(SEED, CLV_RNG_START, (p->blocks.first_block + b) * WIDTH + i, point, 1);
      for (size_t k = 0; k < p->n_latent; k++) z[k * WIDTH + i] += 0.5 * clv_rng_normal(&rng);
    }
  }
}

/* Collective. */
static double density(probe *p, double *phi_gradient) {
  double log_density = NAN;
  CLV_CHECK(clv_accumulator_evaluate(p->sums, 1, p->phi, p->sum) == CLV_OK);
  p->hyper.ops->finish(p->model->self, p->phi, p->sum, &log_density, phi_gradient);
  return log_density;
}

/* Richardson's difference along *at, or along nothing on ranks where at is NULL. Collective. */
static double slope(probe *p, double *at) {
  const double h = 1e-3, kept = at == NULL ? 0.0 : *at;
  double       value[4];
  for (int k = 0; k < 4; k++) {
    const double step = (k < 2 ? h : 0.5 * h) * (k % 2 == 0 ? 1.0 : -1.0);
    if (at != NULL) *at = kept + step;
    value[k] = density(p, p->spare);
  }
  if (at != NULL) *at = kept;
  return (4.0 * (value[2] - value[3]) / h - (value[0] - value[1]) / (2.0 * h)) / 3.0;
}

static clv_status slope_check(const probe *p, const char *whose, size_t k, double found, double expected,
                              double level, double *worst) {
  const double off = fabs(found - expected) / (1e-6 + 1e-7 * fabs(expected) + 1e-10 * fabs(level));
  if (!(off <= 1.0))
    return clv_fail(CLV_EUSAGE, "model %s: the gradient of %s %zu is %.10g, finite differences give %.10g",
                    p->hyper.ops->name, whose, k, found, expected);
  *worst = fmax(*worst, off);
  return CLV_OK;
}

/* Some customers of the first and the last block of each rank in turn: the same number of collective calls
 * everywhere. */
static clv_status customers_check(probe *p, double level, double *worst) {
  clv_status st = CLV_OK;
  for (int rank = 0; rank < clv_comm_size(p->comm); rank++)
    for (size_t t = 0; t < 2 * LOOKED_AT * p->n_latent; t++) {
      const bool   mine  = rank == clv_comm_rank(p->comm) && p->n_block > 0;
      const size_t block = mine && t % 2 == 1 ? p->n_block - 1 : 0, k = t / 2 % p->n_latent;
      const size_t n = mine ? block_n(p, block) : 1, i = (t / 2 / p->n_latent * 7919 + n - 1) % n;
      double      *at       = mine ? p->z + block * p->width + k * WIDTH + i : NULL;
      const double expected = slope(p, at);
      (void)density(p, p->spare); /* the gradient of the place itself again */
      if (mine && st == CLV_OK)
        st = slope_check(p, "own parameter", k, p->gradient[block * p->width + k * WIDTH + i], expected,
                         level, worst);
    }
  return clv_comm_agree(p->comm, st);
}

static clv_status gradients_check(probe *p, double *worst) {
  clv_status st = CLV_OK;
  for (uint32_t point = 0; point < N_POINT; point++) {
    probe_place(p, point);
    const double level = density(p, p->phi_gradient);
    if (!isfinite(level))
      return clv_fail(CLV_EUSAGE, "model %s: the log-density at a start point is not finite",
                      p->hyper.ops->name);
    for (size_t i = 0; i < p->n_phi; i++)
      CLV_TRY(slope_check(p, "hyperparameter", i, p->phi_gradient[i], slope(p, &p->phi[i]), level, worst));
    CLV_TRY(customers_check(p, level, worst));
  }
out:
  return st;
}

/* Places without a customer; and finite reported values of those with one. */
static clv_status places_check(probe *p) {
  clv_status st    = CLV_OK;
  double    *value = NULL;
  CLV_TRY(clv_calloc(p->width, sizeof *value, (void **)&value));
  for (size_t b = 0; b < p->n_block && st == CLV_OK; b++) {
    const double *g = p->gradient + b * p->width, *z = p->z + b * p->width;
    p->model->ops->latent_constrain(p->model->self, b, p->phi, z, value);
    for (size_t j = 0; j < p->width && st == CLV_OK; j++) {
      if (j % WIDTH >= block_n(p, b) && g[j] != 0.0)
        st = clv_fail(CLV_EUSAGE, "model %s: a place without a customer has gradient %g, expected 0",
                      p->hyper.ops->name, g[j]);
      if (j % WIDTH < block_n(p, b) && !isfinite(value[j]))
        st = clv_fail(CLV_EUSAGE, "model %s: a customer's %s is not finite at a start point",
                      p->hyper.ops->name, p->model->ops->latent_name(p->model->self, j / WIDTH));
    }
  }
out:
  free(value);
  return clv_comm_agree(p->comm, st);
}

/* Where a trajectory that diverges ends up. Collective. */
static clv_status edges_check(probe *p) {
  static const double EDGE[] = {NAN, INFINITY, -INFINITY, 800.0, -800.0};
  for (size_t i = 0; i < p->n_phi + p->n_latent; i++)
    for (size_t e = 0; e < sizeof EDGE / sizeof *EDGE; e++) {
      const bool   first = p->blocks.first_block == 0 && p->n_block > 0;
      double      *at    = i < p->n_phi ? &p->phi[i] : first ? &p->z[(i - p->n_phi) * WIDTH] : NULL;
      const double kept  = at == NULL ? 0.0 : *at;
      if (at != NULL) *at = EDGE[e];
      const double value = density(p, p->spare);
      if (at != NULL) *at = kept;
      if (value == INFINITY || (!isfinite(EDGE[e]) && isfinite(value)))
        return clv_fail(CLV_EUSAGE, "model %s: the log-density is %g where coordinate %zu is %g",
                        p->hyper.ops->name, value, i, EDGE[e]);
    }
  return CLV_OK;
}

static clv_status table_check(const clv_latent_model *model) {
  const clv_latent_model_ops *ops = model->ops;
  if (ops->abi != CLV_LATENT_ABI || ops->hyper == NULL || ops->hyper->abi != CLV_MODEL_ABI)
    return clv_fail(CLV_EUSAGE,
                    "model: its table has another ABI than this program (%u, %u); compile it again",
                    CLV_LATENT_ABI, CLV_MODEL_ABI);
  const clv_model_ops *h = ops->hyper;
  if (h->name == NULL || h->n_dim == NULL || h->n_sum == NULL || h->finish == NULL || h->n_variable == NULL ||
      h->variable == NULL || h->constrain == NULL || ops->n_latent == NULL || ops->blocks == NULL ||
      ops->block == NULL || ops->latent_name == NULL || ops->latent_constrain == NULL)
    return clv_fail(CLV_EUSAGE,
                    "model: a required entry of its table is NULL; see engine/models/latent_model.h");
  return CLV_OK;
}

clv_status clv_latent_conformance_check(const clv_comm *comm, const clv_latent_model *model, double *worst) {
  probe      p    = {0};
  double     most = 0.0;
  clv_status st   = CLV_OK;
  CLV_TRY(clv_comm_agree(comm, table_check(model)));
  CLV_TRY(clv_comm_agree(comm, probe_begin(comm, model, &p)));
  CLV_TRY(gradients_check(&p, &most)); /* the same on every rank, or agreed on */
  CLV_TRY(places_check(&p));
  CLV_TRY(edges_check(&p));
  clv_comm_max_f64(comm, &most, 1);
  if (worst != NULL) *worst = most;
out:
  probe_end(&p);
  return st;
}
