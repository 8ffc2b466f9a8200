#include "engine/models/lognormal_latent.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/exact_sum.h"
#include "engine/models/lognormal_centring.h"
#include "engine/models/lognormal_latent_kernel.h"
#include "engine/models/lognormal_population.h"
#include "engine/models/purchase_rows.h"
#include "engine/numerics/dense.h"
#include "engine/numerics/pinned.h"

enum { N = 2, N_PARAMETER = 5, WIDTH = CLV_LATENT_BLOCK };
static const double SPREAD = 2.0;

typedef struct lognormal {
  clv_blocks               blocks;
  clv_lognormal_population population;
  double                   origin[N_PARAMETER];     /* phi_0 of the centring */
  double                   volume[1 + N_PARAMETER]; /* of all customers' centring: see CLV_CENTRING_VOLUME */
  double  centre[N_PARAMETER], factor[N_PARAMETER * N_PARAMETER]; /* about where the posterior is */
  double *x, *t_x, *rest;                                         /* owned, [n_block][WIDTH] */
  float  *centring; /* owned, [n_block][CLV_CENTRING_TERMS][WIDTH] */
  clv_isa isa;
} lognormal;

static size_t lognormal_n_dim(const void *self) { return self == NULL ? 0 : N_PARAMETER; }
static size_t lognormal_n_sum(const void *self) { return self == NULL ? 0 : CLV_LOGNORMAL_LATENT_SUMS; }
static size_t lognormal_n_latent(const void *self) { return self == NULL ? 0 : N; }

static clv_blocks lognormal_blocks(const void *self) { return ((const lognormal *)self)->blocks; }

static clv_lognormal_scales scales_of(const lognormal *m, const double *phi) {
  clv_lognormal_point at;
  clv_lognormal_population_at(&m->population, phi, &at);
  clv_lognormal_scales to = {.mean = {at.mean[0], at.mean[1]},
                             .sd   = {at.sd[0], at.sd[1]},
                             .rho  = at.partial[0],
                             .root = at.root[1][1]};
  for (size_t k = 0; k < N_PARAMETER; k++) to.moved[k] = phi[k] - m->origin[k];
  return to;
}

static clv_lognormal_histories rows_of(const lognormal *m, size_t block) {
  const size_t o = block * WIDTH;
  return (clv_lognormal_histories){WIDTH, m->x + o, m->t_x + o, m->rest + o,
                                   m->centring + o * CLV_CENTRING_TERMS};
}

static void lognormal_block(const void *self, size_t block, const double *phi, const double *z,
                            double *gradient, double *sum) {
  const lognormal              *m    = self;
  const clv_lognormal_histories rows = rows_of(m, block);
  const clv_lognormal_scales    to   = scales_of(m, phi);
  CLV_KERNEL_PICK(clv_lognormal_latent, m->isa)(&rows, &to, z, gradient, sum);
}

static void lognormal_finish(const void *self, const double *phi, const double *sum, double *log_density,
                             double *gradient) {
  const lognormal    *m = self;
  clv_lognormal_point at;
  clv_lognormal_population_at(&m->population, phi, &at);
  memcpy(gradient, sum + 1, N_PARAMETER * sizeof *gradient);
  *log_density = sum[0] + m->volume[0] + clv_lognormal_population_prior(&m->population, &at, gradient);
  for (size_t k = 0; k < N_PARAMETER; k++) {
    gradient[k] += m->volume[1 + k];
    *log_density += m->volume[1 + k] * (phi[k] - m->origin[k]);
  }
  if (*log_density == INFINITY) *log_density = NAN;
}

static void lognormal_variable(const void *self, size_t i, clv_variable *out) {
  (void)self;
  *out = (clv_variable){.length = 1};
  snprintf(out->name, sizeof out->name, "%s", clv_lognormal_population_names(N)[i]);
}

static void lognormal_constrain(const void *self, const double *phi, double *value) {
  const lognormal    *m = self;
  clv_lognormal_point at;
  clv_lognormal_population_at(&m->population, phi, &at);
  clv_lognormal_population_values(&m->population, &at, value);
}

/* Spread around where the posterior is, by SPREAD of its deviations. */
static void lognormal_start(const void *self, clv_rng *rng, double *phi) {
  const lognormal *m = self;
  double           z[N_PARAMETER];
  for (size_t k = 0; k < N_PARAMETER; k++) z[k] = SPREAD * clv_rng_normal(rng);
  for (size_t k = 0; k < N_PARAMETER; k++)
    phi[k] = m->centre[k] + clv_dense_dot(k + 1, m->factor + k * N_PARAMETER, z);
}

/* z ~ N(0, I), which is about the posterior: with all at their modes phi's own posterior would be elsewhere.
 * Named by the customer and by where phi begins. */
static void lognormal_latent_start(const void *self, size_t block, const double *phi, double *z) {
  const lognormal *m     = self;
  const uint64_t   first = (m->blocks.first_block + block) * WIDTH, left = m->blocks.n - first;
  uint64_t         seed;
  memcpy(&seed, phi, sizeof seed);
  for (size_t i = 0; i < WIDTH && i < left; i++) {
    clv_rng rng = clv_rng_at(seed, CLV_RNG_START, first + i, 0, 0);
    for (size_t l = 0; l < N; l++) z[l * WIDTH + i] = clv_rng_normal(&rng);
  }
}

static void lognormal_prior_draw(const void *self, clv_rng *rng, double *phi) {
  clv_lognormal_population_draw(&((const lognormal *)self)->population, rng, phi);
}

static int lognormal_prior_line(const void *self, size_t i, char *line, size_t size) {
  if (i >= N_PARAMETER) return 0;
  clv_lognormal_population_line(&((const lognormal *)self)->population, i, line, size);
  return 1;
}

static const char *lognormal_latent_name(const void *self, size_t k) {
  (void)self;
  return k == 0 ? "log_lambda" : "log_mu";
}

static void lognormal_latent_constrain(const void *self, size_t block, const double *phi, const double *z,
                                       double *value) {
  const lognormal           *m  = self;
  const float               *c  = rows_of(m, block).centring;
  const clv_lognormal_scales to = scales_of(m, phi);
  for (size_t i = 0; i < WIDTH; i++) {
    double term[CLV_CENTRING_VALUES];
    for (size_t t = 0; t < CLV_CENTRING_VALUES; t++) {
      term[t] = c[t * WIDTH + i];
      for (size_t k = 0; k < N_PARAMETER; k++)
        term[t] += to.moved[k] * c[(CLV_CENTRING_VALUES + N_PARAMETER * t + k) * WIDTH + i];
    }
    const double z0 = z[i], z1 = z[WIDTH + i], h = sqrt(1.0 + z1 * z1);
    const double u0  = term[0] + clv_exp(term[2]) * z0;
    const double low = clv_exp(term[6] * z0 + term[4]), high = clv_exp(term[6] * z0 + term[5]);
    const double u1  = term[1] + term[3] * z0 + 0.5 * low * (z1 - h) + 0.5 * high * (z1 + h);
    value[i]         = to.mean[0] + to.sd[0] * u0;
    value[WIDTH + i] = to.mean[1] + to.sd[1] * (to.rho * u0 + to.root * u1);
  }
}

/* Slopes and bends of log L in log lambda and log mu; see the kernel for the notation. */
static void lognormal_told(const void *self, size_t block, size_t place, const double *theta, clv_told *out) {
  const lognormal *m      = self;
  const size_t     i      = block * WIDTH + place;
  const double     lambda = clv_exp(theta[0]), mu = clv_exp(theta[1]), both = lambda + mu, d = m->rest[i];
  const double     e = clv_exp(-both * d), n = mu + lambda * e, over = 1.0 / n, even = 1.0 / both;
  const double     p = e * (1.0 - lambda * d) * over, q = (1.0 - lambda * d * e) * over;
  const double     by_lambda = p - even - m->t_x[i], by_mu = q - even - m->t_x[i];
  const double     cross = even * even - d * p - p * q;
  out->value             = m->x[i] * theta[0] - both * m->t_x[i] + clv_log(n * even);
  out->slope[0]          = m->x[i] + lambda * by_lambda;
  out->slope[1]          = mu * by_mu;
  out->bend[0] =
      lambda * lambda * (even * even - d * e * (2.0 - lambda * d) * over - p * p) + lambda * by_lambda;
  out->bend[1] = lambda * mu * cross;
  out->bend[2] = mu * mu * (even * even + lambda * d * d * e * over - q * q) + mu * by_mu;
}

static void lognormal_free(void *self) {
  lognormal *m = self;
  if (m == NULL) return;
  free(m->x), free(m->t_x), free(m->rest), free(m->centring);
  free(m);
}

static const clv_model_ops HYPER = {.abi        = CLV_MODEL_ABI,
                                    .name       = "pareto_nbd_lognormal",
                                    .n_dim      = lognormal_n_dim,
                                    .n_sum      = lognormal_n_sum,
                                    .finish     = lognormal_finish,
                                    .n_variable = lognormal_n_dim,
                                    .variable   = lognormal_variable,
                                    .constrain  = lognormal_constrain,
                                    .start      = lognormal_start,
                                    .prior_draw = lognormal_prior_draw,
                                    .prior_line = lognormal_prior_line,
                                    .free       = lognormal_free};

static const clv_latent_model_ops LATENT = {.abi              = CLV_LATENT_ABI,
                                            .hyper            = &HYPER,
                                            .n_latent         = lognormal_n_latent,
                                            .blocks           = lognormal_blocks,
                                            .block            = lognormal_block,
                                            .latent_name      = lognormal_latent_name,
                                            .latent_constrain = lognormal_latent_constrain,
                                            .latent_start     = lognormal_latent_start};

static clv_status rows_fill(lognormal *m, const clv_histories *h) {
  const size_t n    = (size_t)(h->blocks.last - h->blocks.first);
  const size_t room = (size_t)(h->blocks.last_block - h->blocks.first_block) * WIDTH + 1;
  clv_status   st   = CLV_OK;
  CLV_TRY(clv_calloc(room, sizeof *m->x, (void **)&m->x));
  CLV_TRY(clv_calloc(room, sizeof *m->t_x, (void **)&m->t_x));
  CLV_TRY(clv_calloc(room, sizeof *m->rest, (void **)&m->rest));
  CLV_TRY(clv_calloc(room, CLV_CENTRING_TERMS * sizeof *m->centring, (void **)&m->centring));
  for (size_t i = 0; i < n; i++) m->x[i] = h->x[i], m->t_x[i] = h->t_x[i], m->rest[i] = h->T[i] - h->t_x[i];
out:
  return st;
}

static clv_status lognormal_centre(const clv_comm *comm, lognormal *m, double centre) {
  const clv_teller teller = {m, lognormal_told};
  clv_exact_sum   *sum    = NULL;
  double           total[CLV_CENTRING_SUMS];
  clv_status       st = CLV_OK;
  m->origin[0] = m->origin[1] = centre;
  CLV_TRY(clv_centring_population(comm, &teller, &m->blocks, m->origin));
  CLV_TRY(clv_comm_agree(comm, clv_exact_sum_new(CLV_CENTRING_SUMS, &sum)));
  for (uint64_t b = m->blocks.first_block; b < m->blocks.last_block; b++) {
    const uint64_t left                    = m->blocks.n - b * WIDTH;
    const size_t   block                   = (size_t)(b - m->blocks.first_block);
    double         part[CLV_CENTRING_SUMS] = {0};
    clv_centring_block(&teller, block, left < WIDTH ? (size_t)left : WIDTH, m->origin,
                       m->centring + block * CLV_CENTRING_TERMS * WIDTH, part);
    clv_exact_sum_add(sum, part);
  }
  CLV_TRY(clv_exact_sum_total(sum, comm, total));
  memcpy(m->volume, total + CLV_CENTRING_VOLUME, sizeof m->volume);
  clv_centring_posterior(total, m->origin, m->centre, m->factor);
out:
  clv_exact_sum_free(&sum);
  return st;
}

clv_status clv_lognormal_latent_new(const clv_comm *comm, const clv_histories *histories,
                                    const clv_prior_texts *priors, clv_latent_model *out) {
  const clv_cells cells = {.blocks = histories->blocks, .T = histories->T, .n_segment = 1};
  lognormal      *m     = NULL;
  double          age   = 1.0;
  clv_status      st    = CLV_OK;
  CLV_TRY(clv_mean_age(comm, &cells, &age));
  const double centre[N] = {-clv_log(age), -clv_log(age)};
  st                     = clv_calloc(1, sizeof *m, (void **)&m);
  if (st == CLV_OK) {
    m->blocks = histories->blocks;
    m->isa    = clv_isa_best();
    st        = clv_lognormal_population_make(N, centre, priors, &m->population);
  }
  if (st == CLV_OK) st = rows_fill(m, histories);
  CLV_TRY(clv_comm_agree(comm, st));
  CLV_TRY(lognormal_centre(comm, m, centre[0]));
  *out = (clv_latent_model){.ops = &LATENT, .self = m};
  m    = NULL;
out:
  lognormal_free(m);
  return st;
}
