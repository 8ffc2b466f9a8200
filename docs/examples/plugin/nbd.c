/* A model of your own, whole: the NBD (Ehrenberg 1959, Applied Statistics 8), in which customers buy at their
 * own rate and never leave. docs/plugins.md walks through it.
 *
 *  lambda ~ Gamma(r, rate alpha), purchases in (0, T] ~ Poisson(lambda T), so for the times of x purchases
 *    log L = log Gamma(r + x) - log Gamma(r) + r log alpha - (r + x) log(alpha + T)
 *
 *  Coordinates phi = (log r, log of the mean rate r / alpha): data move them independently. */
#include <clv/plugin.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { R, RATE, N_DIM };
enum { LOG_LIKELIHOOD, BY_R, BY_ALPHA, N_SUM };

typedef struct nbd {
  clv_plugin_cells cells; /* borrowed: lent until the model is freed */
  clv_prior        prior[N_DIM];
  double           mean_T;
} nbd;

static size_t nbd_n_dim(const void *self) { return (void)self, N_DIM; }
static size_t nbd_n_sum(const void *self) { return (void)self, N_SUM; }
static size_t nbd_n_block(const void *self) { return clv_plugin_n_block(((const nbd *)self)->cells.n); }

/* One customer's log-likelihood and its derivatives in r and alpha. */
static double customer(double r, double alpha, double x, double T, double *by_r, double *by_alpha) {
  const double log_all = clv_log(alpha + T);
  *by_r                = clv_digamma(r + x) - clv_digamma(r) + clv_log(alpha) - log_all;
  *by_alpha            = r / alpha - (r + x) / (alpha + T);
  return clv_lgamma(r + x) - clv_lgamma(r) + r * clv_log(alpha) - (r + x) * log_all;
}

static void nbd_block(const void *self, size_t block, size_t n_chain, const double *phi, double *sum) {
  const clv_plugin_cells *c = &((const nbd *)self)->cells;
  size_t                  first, last;
  clv_plugin_block_rows(c->n, block, &first, &last);
  for (size_t k = 0; k < n_chain; k++) {
    const double r = clv_exp(phi[k * N_DIM + R]), alpha = r / clv_exp(phi[k * N_DIM + RATE]);
    double      *s = sum + k * N_SUM;
    for (size_t i = first; i < last; i++) {
      double       by_r, by_alpha;
      const double one = customer(r, alpha, c->x[i], c->T[i], &by_r, &by_alpha);
      s[LOG_LIKELIHOOD] += c->count[i] * one;
      s[BY_R] += c->count[i] * by_r;
      s[BY_ALPHA] += c->count[i] * by_alpha;
    }
  }
}

/* Priors are on r and on the mean rate; a coordinate u = log value has the density times value. */
static void nbd_finish(const void *self, const double *phi, const double *sum, double *log_density,
                       double *gradient) {
  const nbd   *m        = self;
  const double value[2] = {clv_exp(phi[R]), clv_exp(phi[RATE])};
  const double alpha    = value[R] / value[RATE];
  *log_density          = sum[LOG_LIKELIHOOD];
  gradient[R]           = value[R] * sum[BY_R] + alpha * sum[BY_ALPHA];
  gradient[RATE]        = -alpha * sum[BY_ALPHA];
  for (int i = 0; i < N_DIM; i++) {
    double slope;
    *log_density += clv_prior_log_density(&m->prior[i], value[i], &slope) + phi[i];
    gradient[i] += slope * value[i] + 1.0;
  }
  if (*log_density == INFINITY) *log_density = NAN;
}

static double nbd_log_likelihood(const void *self, const double *phi, const double *sum) {
  return (void)self, (void)phi, sum[LOG_LIKELIHOOD];
}

static size_t nbd_n_variable(const void *self) { return (void)self, 3; }

static void nbd_variable(const void *self, size_t i, clv_variable *out) {
  static const char *const NAME[] = {"r", "rate", "alpha"};
  (void)self;
  memset(out, 0, sizeof *out);
  out->length = 1;
  snprintf(out->name, sizeof out->name, "%s", NAME[i]);
}

static void nbd_constrain(const void *self, const double *phi, double *value) {
  (void)self;
  value[0] = clv_exp(phi[R]), value[1] = clv_exp(phi[RATE]), value[2] = value[0] / value[1];
}

static void nbd_start(const void *self, clv_rng *rng, double *phi) {
  phi[R]    = 2.0 * clv_rng_uniform(rng) - 1.0;
  phi[RATE] = -clv_log(((const nbd *)self)->mean_T) + 2.0 * clv_rng_uniform(rng) - 1.0;
}

static void nbd_prior_draw(const void *self, clv_rng *rng, double *phi) {
  for (int i = 0; i < N_DIM; i++) phi[i] = clv_log(clv_prior_draw(&((const nbd *)self)->prior[i], rng));
}

static int nbd_prior_line(const void *self, size_t i, char *line, size_t size) {
  char density[96];
  if (i >= N_DIM) return 0;
  clv_prior_print(&((const nbd *)self)->prior[i], density, sizeof density);
  snprintf(line, size, "%s ~ %s", i == R ? "r" : "rate", density);
  return 1;
}

static const clv_model_ops NBD = {
    .abi            = CLV_MODEL_ABI,
    .name           = "nbd",
    .n_dim          = nbd_n_dim,
    .n_sum          = nbd_n_sum,
    .n_block        = nbd_n_block,
    .block          = nbd_block,
    .finish         = nbd_finish,
    .n_variable     = nbd_n_variable,
    .variable       = nbd_variable,
    .constrain      = nbd_constrain,
    .start          = nbd_start,
    .prior_draw     = nbd_prior_draw,
    .prior_line     = nbd_prior_line,
    .log_likelihood = nbd_log_likelihood,
    .free           = free,
};

/* ---- forecasts: theta is r, alpha; an alive customer, which all are, has r + x, alpha + T ---- */

static double process_gradient(const double *theta, const clv_customer *who, double *by_theta) {
  return customer(theta[0], theta[1], who->x, who->T, &by_theta[0], &by_theta[1]);
}

static double process_log_likelihood(const double *theta, const clv_customer *who) {
  double ignored[2];
  return process_gradient(theta, who, ignored);
}

static double process_p_alive(const double *theta, const clv_customer *who) {
  return (void)theta, (void)who, 1.0;
}

static void process_update(const double *theta, const clv_customer *who, double *updated) {
  updated[0] = theta[0] + who->x, updated[1] = theta[1] + who->T;
}

static double process_expected(const double *theta, double t) { return theta[0] / theta[1] * t; }

static double process_discounted(const double *theta, double delta, double t) {
  if (delta == 0.0) return process_expected(theta, t);
  return theta[0] / theta[1] * -expm1(-delta * t) / delta;
}

static double process_pmf(const double *theta, uint32_t n, double t) {
  const double r = theta[0], p = theta[1] / (theta[1] + t);
  return exp(clv_lgamma(r + n) - clv_lgamma(r) - clv_lgamma(n + 1.0) + r * log(p) + n * log1p(-p));
}

static int process_customer_draw(const double *theta, const clv_customer *who, clv_rng *rng, double *latent) {
  latent[0] = clv_rng_gamma(rng, theta[0] + who->x, theta[1] + who->T);
  return 1;
}

static size_t process_simulate(const double *theta, double T, clv_rng *rng, double *time, size_t most) {
  const double lambda = clv_rng_gamma(rng, theta[0], theta[1]);
  size_t       n      = 0;
  for (double at = clv_rng_exponential(rng) / lambda; at <= T; at += clv_rng_exponential(rng) / lambda, n++)
    if (n < most) time[n] = at;
  return n;
}

static const char *const PARAMETER[] = {"r", "alpha"}, *const LATENT[] = {"lambda"};

static const clv_process_ops PROCESS = {
    .name           = "nbd",
    .n_parameter    = 2,
    .parameter      = PARAMETER,
    .n_latent       = 1,
    .latent         = LATENT,
    .log_likelihood = process_log_likelihood,
    .gradient       = process_gradient,
    .p_alive        = process_p_alive,
    .update         = process_update,
    .expected       = process_expected,
    .discounted     = process_discounted,
    .pmf            = process_pmf,
    .expected_new   = process_expected,
    .discounted_new = process_discounted,
    .pmf_new        = process_pmf,
    .customer_draw  = process_customer_draw,
    .simulate       = process_simulate,
    .simulate_alive = process_simulate,
};

/* ---- the plug-in ---- */

/* model.plugin_options: {rate_sd: 2} is how far, in logs, the mean rate may be from one purchase in the mean
 * age. */
static int rate_sd_read(const clv_plugin_data *data, double *sd, char *message, size_t size) {
  *sd = 2.0;
  for (size_t i = 0; i < data->n_option; i++) {
    char *end;
    if (strcmp(data->option[i].name, "rate_sd") != 0) {
      snprintf(message, size, "model.plugin_options.%.40s: there is no such option; rate_sd is the only one",
               data->option[i].name);
      return 0;
    }
    *sd = strtod(data->option[i].text, &end);
    if (*end != '\0' || !(*sd > 0.0 && *sd < 100.0)) {
      snprintf(message, size, "model.plugin_options.rate_sd is '%.40s'; expected a number between 0 and 100",
               data->option[i].text);
      return 0;
    }
  }
  return 1;
}

static void *nbd_make(const clv_plugin_data *data, char *message, size_t size) {
  double rate_sd;
  nbd   *m;
  if (!rate_sd_read(data, &rate_sd, message, size)) return NULL;
  if ((m = calloc(1, sizeof *m)) == NULL) {
    snprintf(message, size, "no memory");
    return NULL;
  }
  m->cells       = data->cells;
  m->mean_T      = data->facts.mean_T;
  m->prior[R]    = (clv_prior){CLV_PRIOR_LOGNORMAL, {-0.5, 1.25, 0.0}};
  m->prior[RATE] = (clv_prior){CLV_PRIOR_LOGNORMAL, {-clv_log(m->mean_T), rate_sd, 0.0}};
  for (size_t k = 0; k < data->n_prior; k++) { /* names that are not ours belong to the spend model */
    const int which = strcmp(data->prior[k].name, "r") == 0      ? R
                      : strcmp(data->prior[k].name, "rate") == 0 ? RATE
                                                                 : -1;
    if (which >= 0 && clv_prior_parse(data->prior[k].name, data->prior[k].text, &m->prior[which]) < 0) {
      free(m);
      return NULL;
    }
  }
  return m;
}

static const clv_plugin PLUGIN = {
    .build   = CLV_PLUGIN_BUILD,
    .name    = "nbd",
    .part    = CLV_PLUGIN_PURCHASES,
    .reads   = CLV_PLUGIN_CELLS,
    .model   = &NBD,
    .make    = nbd_make,
    .process = &PROCESS,
};

const clv_plugin *clv_plugin_get(void) { return &PLUGIN; }
