/* A model of your own in which every customer's own parameter is sampled: purchases at a rate of his own,
 * rates log-normal over customers, nobody leaves. docs/plugins.md walks through it.
 *
 *  theta = log lambda ~ Normal(m, s²), purchases in (0, T] ~ Poisson(lambda T), so for the times of x
 * purchases log L = x theta - T e^theta There is no closed form for the integral over theta: it is not taken.
 *
 *  Hyperparameters phi = (m, log s). A customer's coordinate is z, with theta = m + s u and
 *    u = g D / s + h z,  q = x s²,  g = q / (1 + q),  h = 1 / √(1 + q),  D = log((x + 1/2) / T) - m.
 *  That is his posterior's mean and deviation were log L normal, of precision x: no purchases leave u = z,
 * many tie theta to log(x / T), and z is about N(0, 1) and about independent of phi for all. Coordinates
 * decide how fast the sampler is, never what the posterior is; u = z alone would be right too. */
#include <clv/plugin.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEAN, LOG_SD, N_DIM };
enum { LOG_DENSITY, BY_MEAN, BY_LOG_SD, N_SUM };
enum { WIDTH = CLV_LATENT_BLOCK };

static const char *const NAME[N_DIM] = {"mean_log_rate", "sd_log_rate"};

typedef struct model {
  clv_plugin_customers who; /* borrowed: lent until the model is freed */
  clv_blocks           blocks;
  clv_prior            prior[N_DIM]; /* of m and of s */
  double               mean_T;
} model;

static size_t model_n_dim(const void *self) { return (void)self, N_DIM; }
static size_t model_n_sum(const void *self) { return (void)self, N_SUM; }
static size_t model_n_latent(const void *self) { return (void)self, 1; }

static clv_blocks model_blocks(const void *self) { return ((const model *)self)->blocks; }

/* Customers of this rank's block: rows [*first, *first + what is returned). */
static size_t block_rows(const model *m, size_t block, size_t *first) {
  *first = block * WIDTH;
  return m->who.n - *first < WIDTH ? m->who.n - *first : WIDTH;
}

/* How a customer's z stands to u at phi. */
typedef struct place {
  double q, g, h, D, u, theta;
} place;

static place place_of(double x, double T, double m, double s, double z) {
  place p;
  p.q     = x * s * s;
  p.g     = p.q / (1.0 + p.q);
  p.h     = 1.0 / sqrt(1.0 + p.q);
  p.D     = clv_log((x + 0.5) / T) - m;
  p.u     = p.g * p.D / s + p.h * z;
  p.theta = m + s * p.u;
  return p;
}

/* The density of z is that of u times du/dz = h. Gradients by the chain rule: pull is d log L / d theta, G
 * the slope in u, spread du / d log s. Places behind the last customer get gradient 0. */
static void model_block(const void *self, size_t block, const double *phi, const double *z, double *gradient,
                        double *sum) {
  const model *m = self;
  const double s = clv_exp(phi[LOG_SD]);
  size_t       first;
  const size_t n = block_rows(m, block, &first);
  memset(gradient, 0, WIDTH * sizeof *gradient);
  for (size_t i = 0; i < n; i++) {
    const double x = m->who.x[first + i], T = m->who.T[first + i];
    const place  p    = place_of(x, T, phi[MEAN], s, z[i]);
    const double rate = clv_exp(p.theta), pull = x - T * rate, G = s * pull - p.u;
    const double spread = 2.0 * p.g * (p.D / (s * (1.0 + p.q)) - 0.5 * p.h * z[i]) - p.g * p.D / s;
    sum[LOG_DENSITY] += x * p.theta - T * rate - 0.5 * p.u * p.u + clv_log(p.h);
    sum[BY_MEAN] += pull - G * p.g / s;
    sum[BY_LOG_SD] += s * p.u * pull + G * spread - p.g;
    gradient[i] = p.h * G;
  }
}

/* The sums over all customers of all ranks, and the priors: on m, and on s, whose coordinate u = log s has
 * the density times s. */
static void model_finish(const void *self, const double *phi, const double *sum, double *log_density,
                         double *gradient) {
  const model *m = self;
  const double s = clv_exp(phi[LOG_SD]);
  double       by_m, by_s;
  *log_density = sum[LOG_DENSITY] + clv_prior_log_density(&m->prior[MEAN], phi[MEAN], &by_m) +
                 clv_prior_log_density(&m->prior[LOG_SD], s, &by_s) + phi[LOG_SD];
  gradient[MEAN]   = sum[BY_MEAN] + by_m;
  gradient[LOG_SD] = sum[BY_LOG_SD] + by_s * s + 1.0;
  if (*log_density == INFINITY) *log_density = NAN;
}

static void model_variable(const void *self, size_t i, clv_variable *out) {
  (void)self;
  memset(out, 0, sizeof *out);
  out->length = 1;
  snprintf(out->name, sizeof out->name, "%s", NAME[i]);
}

static void model_constrain(const void *self, const double *phi, double *value) {
  (void)self;
  value[MEAN] = phi[MEAN], value[LOG_SD] = clv_exp(phi[LOG_SD]);
}

static void model_start(const void *self, clv_rng *rng, double *phi) {
  phi[MEAN]   = -clv_log(((const model *)self)->mean_T) + 2.0 * clv_rng_uniform(rng) - 1.0;
  phi[LOG_SD] = clv_rng_uniform(rng) - 0.5;
}

static void model_prior_draw(const void *self, clv_rng *rng, double *phi) {
  const model *m = self;
  phi[MEAN]      = clv_prior_draw(&m->prior[MEAN], rng);
  phi[LOG_SD]    = clv_log(clv_prior_draw(&m->prior[LOG_SD], rng));
}

static int model_prior_line(const void *self, size_t i, char *line, size_t size) {
  char density[96];
  if (i >= N_DIM) return 0;
  clv_prior_print(&((const model *)self)->prior[i], density, sizeof density);
  snprintf(line, size, "%s ~ %s", NAME[i], density);
  return 1;
}

/* ---- what is reported of every customer ---- */

static const char *model_latent_name(const void *self, size_t k) { return (void)self, (void)k, "log_rate"; }

static void model_latent_constrain(const void *self, size_t block, const double *phi, const double *z,
                                   double *value) {
  const model *m = self;
  const double s = clv_exp(phi[LOG_SD]);
  size_t       first;
  const size_t n = block_rows(m, block, &first);
  memset(value, 0, WIDTH * sizeof *value);
  for (size_t i = 0; i < n; i++)
    value[i] = place_of(m->who.x[first + i], m->who.T[first + i], phi[MEAN], s, z[i]).theta;
}

/* ---- the plug-in ---- */

static const clv_model_ops HYPER = {
    .abi        = CLV_MODEL_ABI,
    .name       = "poisson_lognormal",
    .n_dim      = model_n_dim,
    .n_sum      = model_n_sum,
    .finish     = model_finish,
    .n_variable = model_n_dim,
    .variable   = model_variable,
    .constrain  = model_constrain,
    .start      = model_start,
    .prior_draw = model_prior_draw,
    .prior_line = model_prior_line,
    .free       = free,
};

static const clv_latent_model_ops LATENT = {
    .abi              = CLV_LATENT_ABI,
    .hyper            = &HYPER,
    .n_latent         = model_n_latent,
    .blocks           = model_blocks,
    .block            = model_block,
    .latent_name      = model_latent_name,
    .latent_constrain = model_latent_constrain,
};

static void *model_make(const clv_plugin_data *data, char *message, size_t size) {
  model *m = calloc(1, sizeof *m);
  if (m == NULL) {
    snprintf(message, size, "no memory");
    return NULL;
  }
  m->who           = data->customers;
  m->blocks        = data->blocks;
  m->mean_T        = data->facts.mean_T;
  m->prior[MEAN]   = (clv_prior){CLV_PRIOR_NORMAL, {-clv_log(m->mean_T), 2.0, 0.0}};
  m->prior[LOG_SD] = (clv_prior){CLV_PRIOR_HALF_NORMAL, {1.5, 0.0, 0.0}};
  for (size_t k = 0; k < data->n_prior; k++) /* names that are not ours belong to the spend model */
    for (int i = 0; i < N_DIM; i++)
      if (strcmp(data->prior[k].name, NAME[i]) == 0 &&
          clv_prior_parse(NAME[i], data->prior[k].text, &m->prior[i]) < 0) {
        free(m);
        return NULL;
      }
  return m;
}

static const clv_plugin PLUGIN = {
    .build  = CLV_PLUGIN_BUILD,
    .name   = "poisson_lognormal",
    .part   = CLV_PLUGIN_PURCHASES,
    .reads  = CLV_PLUGIN_CUSTOMERS,
    .latent = &LATENT,
    .make   = model_make,
};

const clv_plugin *clv_plugin_get(void) { return &PLUGIN; }
