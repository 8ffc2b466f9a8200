#include "engine/models/pareto_nbd_lognormal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/models/lognormal_grid_kernel.h"
#include "engine/models/prior.h"
#include "engine/models/purchase_rows.h"
#include "engine/numerics/pinned.h"

enum {
  MEAN_LAMBDA,
  MEAN_MU,
  SD_LAMBDA,
  SD_MU,
  CORRELATION,
  N_PARAMETER,
  TERMS        = 6,
  LEVELS       = 5,  /* steps in log lambda 1/2 … 1/32 */
  ROWS_LEAST   = 40, /* of the coarsest: 10 to either side of 1 / mean age */
  COLUMNS      = 48, /* of log mu at step 1/2: 12 to either side */
  ROWS_MOST    = 640,
  COLUMNS_MOST = 96,
  X_MOST       = 2000
};
static const double HALF_ROWS = 10.0, HALF_COLUMNS = 12.0;
static const double NEGLIGIBLE = 40.0; /* rows below exp(-40) of a likelihood's maximum are left out */

static const char *const NAME[N_PARAMETER] = {"mean_log_lambda", "mean_log_mu", "sd_log_lambda", "sd_log_mu",
                                              "correlation"};

/* Where a record's likelihood is tabulated. */
typedef struct window {
  size_t level, first_row, n_row, at; /* table[at …], [n_row][n_column] */
  size_t segment;
  double log_most, count;
} window;

typedef struct lognormal {
  size_t    n_segment, n_record, n_block, n_column;
  unsigned  fine;   /* 1: half the step */
  double    middle; /* -log(mean age): the centre of the grid */
  double    column[COLUMNS_MOST];
  window   *record; /* owned [n_record] */
  float    *table;  /* owned */
  size_t    n_table, room;
  float    *ones; /* owned [ROWS_MOST][COLUMNS_MOST] */
  clv_prior prior[N_PARAMETER];
  unsigned  named;
  clv_isa   isa;
} lognormal;

static size_t level_rows(size_t level) { return (size_t)ROWS_LEAST << level; }
static double level_node(const lognormal *m, size_t level, size_t row) {
  return m->middle - HALF_ROWS + 2.0 * HALF_ROWS * (double)row / (double)level_rows(level);
}

static size_t lognormal_n_dim(const void *self) { return N_PARAMETER * ((const lognormal *)self)->n_segment; }
static size_t lognormal_n_sum(const void *self) { return TERMS * ((const lognormal *)self)->n_segment; }
static size_t lognormal_n_block(const void *self) { return ((const lognormal *)self)->n_block; }

/* One chain's prior at the nodes of a level. */
typedef struct prior_grid {
  double a[ROWS_MOST], b[COLUMNS_MOST];
  double density[ROWS_MOST * COLUMNS_MOST];
  double moment[TERMS]; /* [0] the sum, then means of a, b, a^2, b^2, a b */
  size_t level, segment;
} prior_grid;

static void moments_normalise(double *sum) {
  for (size_t k = 1; k < TERMS; k++) sum[k] /= sum[0];
}

static void prior_fill(const lognormal *m, const double *phi, prior_grid *to) {
  const double             sd_a = clv_exp(phi[SD_LAMBDA]), sd_b = clv_exp(phi[SD_MU]);
  const double             s = clv_sigmoid(2.0 * phi[CORRELATION]), t = clv_sigmoid(-2.0 * phi[CORRELATION]);
  const clv_lognormal_grid grid = {level_rows(to->level), m->n_column, to->a, to->b};
  for (size_t i = 0; i < grid.n_row; i++) to->a[i] = (level_node(m, to->level, i) - phi[MEAN_LAMBDA]) / sd_a;
  for (size_t j = 0; j < grid.n_column; j++) to->b[j] = (m->column[j] - phi[MEAN_MU]) / sd_b;
  CLV_KERNEL_PICK(clv_lognormal_density, m->isa)(&grid, s - t, 4.0 * s * t, to->density);
  CLV_KERNEL_PICK(clv_lognormal_moments, m->isa)(&grid, m->ones, to->density, to->moment);
  moments_normalise(to->moment);
}

/* By Fisher's identity the gradient needs a customer's posterior moments less the prior's alone. */
static void record_add(const lognormal *m, const window *r, const prior_grid *prior, double *sum) {
  const clv_lognormal_grid grid = {r->n_row, m->n_column, prior->a + r->first_row, prior->b};
  double                   moment[TERMS];
  CLV_KERNEL_PICK(clv_lognormal_moments, m->isa)
  (&grid, m->table + r->at, prior->density + r->first_row * m->n_column, moment);
  moments_normalise(moment);
  sum[0] += r->count * (clv_log(moment[0]) - clv_log(prior->moment[0]) + r->log_most);
  for (size_t k = 1; k < TERMS; k++) sum[k] += r->count * (moment[k] - prior->moment[k]);
}

static void lognormal_block(const void *self, size_t block, size_t n_chain, const double *phi, double *sum) {
  const lognormal *m     = self;
  const size_t     first = block * CLV_BLOCK_SIZE;
  const size_t     last  = first + CLV_BLOCK_SIZE < m->n_record ? first + CLV_BLOCK_SIZE : m->n_record;
  prior_grid       prior;
  for (size_t c = 0; c < n_chain; c++) {
    prior.level = LEVELS;
    for (size_t i = first; i < last; i++) {
      const window *r  = &m->record[i];
      const size_t  at = c * m->n_segment + r->segment;
      if (prior.level != r->level || prior.segment != r->segment) {
        prior.level = r->level, prior.segment = r->segment;
        prior_fill(m, phi + at * N_PARAMETER, &prior);
      }
      record_add(m, r, &prior, sum + at * TERMS);
    }
  }
}

static void segment_constrain(const double *phi, double *value) {
  value[MEAN_LAMBDA] = phi[MEAN_LAMBDA], value[MEAN_MU] = phi[MEAN_MU];
  value[SD_LAMBDA] = clv_exp(phi[SD_LAMBDA]), value[SD_MU] = clv_exp(phi[SD_MU]);
  value[CORRELATION] = clv_sigmoid(2.0 * phi[CORRELATION]) - clv_sigmoid(-2.0 * phi[CORRELATION]);
}

/* Density of the reported value times its Jacobian; LKJ(2) where nobody named the correlation. */
static double segment_prior(const lognormal *m, const double *phi, const double *value, double *gradient) {
  const double rho = value[CORRELATION];
  const double log_rest =
      1.3862943611198906 + clv_log_sigmoid(2.0 * phi[CORRELATION]) + clv_log_sigmoid(-2.0 * phi[CORRELATION]);
  double total = 0.0, d;
  for (size_t i = 0; i < CORRELATION; i++) {
    total += clv_prior_log_density(&m->prior[i], value[i], &d);
    gradient[i] += i < SD_LAMBDA ? d : d * value[i] + 1.0;
    if (i >= SD_LAMBDA) total += phi[i];
  }
  if ((m->named >> CORRELATION & 1u) == 0) {
    gradient[CORRELATION] -= 4.0 * rho;
    return total + clv_log(0.75) + 2.0 * log_rest;
  }
  total += clv_prior_log_density(&m->prior[CORRELATION], rho, &d) + log_rest;
  gradient[CORRELATION] += d * clv_exp(log_rest) - 2.0 * rho;
  return total;
}

static void lognormal_finish(const void *self, const double *phi, const double *sum, double *log_density,
                             double *gradient) {
  const lognormal *m = self;
  *log_density       = 0.0;
  for (size_t g = 0; g < m->n_segment; g++) {
    const double *p = phi + g * N_PARAMETER, *s = sum + g * TERMS;
    double       *d = gradient + g * N_PARAMETER, value[N_PARAMETER];
    segment_constrain(p, value);
    const double rho  = value[CORRELATION];
    const double rest = 4.0 * clv_sigmoid(2.0 * p[CORRELATION]) * clv_sigmoid(-2.0 * p[CORRELATION]);
    d[MEAN_LAMBDA]    = (s[1] - rho * s[2]) / (rest * value[SD_LAMBDA]);
    d[MEAN_MU]        = (s[2] - rho * s[1]) / (rest * value[SD_MU]);
    d[SD_LAMBDA]      = (s[3] - rho * s[5]) / rest;
    d[SD_MU]          = (s[4] - rho * s[5]) / rest;
    d[CORRELATION]    = s[5] - rho * (s[3] - 2.0 * rho * s[5] + s[4]) / rest;
    *log_density += s[0] + segment_prior(m, p, value, d);
  }
  if (*log_density == INFINITY) *log_density = NAN;
}

static double lognormal_log_likelihood(const void *self, const double *phi, const double *sum) {
  const lognormal *m     = self;
  double           total = 0.0;
  (void)phi;
  for (size_t g = 0; g < m->n_segment; g++) total += sum[g * TERMS];
  return total;
}

static size_t lognormal_n_variable(const void *self) {
  (void)self;
  return N_PARAMETER;
}

static void lognormal_variable(const void *self, size_t i, clv_variable *out) {
  const lognormal *m = self;
  *out               = (clv_variable){.length = m->n_segment};
  snprintf(out->name, sizeof out->name, "%s", NAME[i]);
  if (m->n_segment > 1) snprintf(out->dimension, sizeof out->dimension, "segment");
}

static void lognormal_constrain(const void *self, const double *phi, double *value) {
  const lognormal *m = self;
  for (size_t g = 0; g < m->n_segment; g++) {
    double one[N_PARAMETER];
    segment_constrain(phi + g * N_PARAMETER, one);
    for (size_t i = 0; i < N_PARAMETER; i++) value[i * m->n_segment + g] = one[i];
  }
}

static void lognormal_start(const void *self, clv_rng *rng, double *phi) {
  const lognormal *m = self;
  for (size_t g = 0; g < m->n_segment; g++)
    for (size_t i = 0; i < N_PARAMETER; i++)
      phi[g * N_PARAMETER + i] = (i < SD_LAMBDA ? m->middle : 0.0) +
                                 (i < SD_LAMBDA ? 1.0 : 0.5) * (2.0 * clv_rng_uniform(rng) - 1.0);
}

static double correlation_draw(const lognormal *m, clv_rng *rng) {
  double rho = 2.0;
  if ((m->named >> CORRELATION & 1u) == 0) return 2.0 * clv_rng_beta(rng, 2.0, 2.0) - 1.0; /* LKJ(2) */
  for (int t = 0; t < 10000 && !(fabs(rho) < 1.0); t++) rho = clv_prior_draw(&m->prior[CORRELATION], rng);
  return fabs(rho) < 1.0 ? rho : NAN;
}

static double positive_draw(const clv_prior *prior, clv_rng *rng) {
  double sd = 0.0;
  for (int t = 0; t < 10000 && !(sd > 0.0); t++) sd = clv_prior_draw(prior, rng);
  return sd > 0.0 ? sd : NAN;
}

static void lognormal_prior_draw(const void *self, clv_rng *rng, double *phi) {
  const lognormal *m = self;
  for (size_t g = 0; g < m->n_segment; g++) {
    double *p        = phi + g * N_PARAMETER;
    p[MEAN_LAMBDA]   = clv_prior_draw(&m->prior[MEAN_LAMBDA], rng);
    p[MEAN_MU]       = clv_prior_draw(&m->prior[MEAN_MU], rng);
    p[SD_LAMBDA]     = clv_log(positive_draw(&m->prior[SD_LAMBDA], rng));
    p[SD_MU]         = clv_log(positive_draw(&m->prior[SD_MU], rng));
    const double rho = correlation_draw(m, rng);
    p[CORRELATION]   = 0.5 * (clv_log1p(rho) - clv_log1p(-rho));
  }
}

static int lognormal_prior_line(const void *self, size_t i, char *line, size_t size) {
  static const char *const REASON[]    = {"0.02 to 50 purchases in the mean observed age at the median rate",
                                          "median lifetime from 0.02 to 50 mean observed ages",
                                          "rates of typical customers differ up to a factor of e^4",
                                          "dropout rates of typical customers differ up to a factor of e^4", ""};
  const lognormal         *m           = self;
  char                     density[96] = "LKJ(2)";
  if (i >= N_PARAMETER) return 0;
  const bool named = (m->named >> i & 1u) != 0;
  if (i != CORRELATION || named) clv_prior_print(&m->prior[i], density, sizeof density);
  snprintf(line, size, "%s ~ %s: %s", NAME[i], density,
           named              ? "from the configuration"
           : i == CORRELATION ? "correlations near -1 and 1 are unlikely"
                              : REASON[i]);
  return 1;
}

static void lognormal_free(void *self) {
  lognormal *m = self;
  if (m == NULL) return;
  free(m->record);
  free(m->table);
  free(m->ones);
  free(m);
}

static const clv_model_ops LOGNORMAL = {
    .abi            = CLV_MODEL_ABI,
    .name           = "pareto_nbd_lognormal",
    .n_dim          = lognormal_n_dim,
    .n_sum          = lognormal_n_sum,
    .n_block        = lognormal_n_block,
    .block          = lognormal_block,
    .finish         = lognormal_finish,
    .n_variable     = lognormal_n_variable,
    .variable       = lognormal_variable,
    .constrain      = lognormal_constrain,
    .start          = lognormal_start,
    .prior_draw     = lognormal_prior_draw,
    .prior_line     = lognormal_prior_line,
    .log_likelihood = lognormal_log_likelihood,
    .free           = lognormal_free,
};

/* log of lambda^x / (lambda + mu) (mu e^(-(lambda + mu) t_x) + lambda e^(-(lambda + mu) T)): Fader & Hardie
 * 2005, with the common factor taken out. */
static double individual(double x, double t_x, double T, double log_lambda, double log_mu) {
  const double lambda = clv_exp(log_lambda), mu = clv_exp(log_mu), both = lambda + mu;
  return x * log_lambda - both * t_x - clv_log(both) + clv_log(mu + lambda * clv_exp(-both * (T - t_x)));
}

/* A customer of x purchases knows log lambda to about 1 / sqrt(x), and to the prior's sd where x is small:
 * that is taken for at least 1/2. */
static size_t record_level(double x, unsigned fine) {
  size_t level = 0;
  while (level + 1 + fine < LEVELS && 0.5 / (double)(1u << level) > 1.0 / sqrt(x + 4.0)) level++;
  return level + fine;
}

static clv_status table_grow(lognormal *m, size_t n) {
  float *more;
  if (n <= m->room - m->n_table) return CLV_OK;
  const size_t room = 2 * m->room + n;
  if (room > SIZE_MAX / sizeof *more || (more = realloc(m->table, room * sizeof *more)) == NULL)
    return clv_fail(CLV_ENOMEM, "no memory for the likelihoods on the grid (%zu values): use more ranks",
                    room);
  m->table = more, m->room = room;
  return CLV_OK;
}

static clv_status record_tabulate(lognormal *m, const clv_cells *cells, size_t i, double *value) {
  const double x = cells->x[i], t_x = cells->t_x[i], T = cells->T[i];
  window      *r    = &m->record[i];
  double       most = -INFINITY;
  clv_status   st   = CLV_OK;
  *r                = (window){.segment = cells->segment == NULL ? 0 : cells->segment[i],
                               .count   = cells->count == NULL ? 1.0 : (double)cells->count[i],
                               .level   = record_level(x, m->fine)};
  const size_t rows = level_rows(r->level), n = m->n_column;
  size_t       first = rows, last = 0;
  if (x > (m->fine != 0 ? X_MOST / 4 : X_MOST))
    return clv_fail(
        CLV_EDATA,
        "a customer has %g repeat purchases, more than the grid of pareto_nbd_lognormal resolves; "
        "use pareto_nbd",
        x);
  for (size_t k = 0; k < rows * n; k++) {
    value[k] = individual(x, t_x, T, level_node(m, r->level, k / n), m->column[k % n]);
    most     = value[k] > most ? value[k] : most;
  }
  for (size_t k = 0; k < rows * n; k++)
    if (value[k] > most - NEGLIGIBLE) first = k / n < first ? k / n : first, last = k / n + 1;
  r->first_row = first, r->n_row = last - first, r->log_most = most, r->at = m->n_table;
  CLV_TRY(table_grow(m, r->n_row * n));
  for (size_t k = first * n; k < last * n; k++) m->table[m->n_table++] = (float)clv_exp(value[k] - most);
out:
  return st;
}

static clv_status priors_fill(lognormal *m, const clv_prior_texts *priors) {
  clv_status st         = CLV_OK;
  m->prior[MEAN_LAMBDA] = m->prior[MEAN_MU] = (clv_prior){CLV_PRIOR_NORMAL, {m->middle, 2.0, 0}};
  m->prior[SD_LAMBDA] = m->prior[SD_MU] = (clv_prior){CLV_PRIOR_HALF_NORMAL, {2.0, 0, 0}};
  for (size_t k = 0; priors != NULL && k < priors->n; k++)
    for (size_t i = 0; i < N_PARAMETER; i++) {
      if (strcmp(priors->item[k].name, NAME[i]) != 0) continue;
      CLV_TRY(clv_prior_parse(NAME[i], priors->item[k].text, &m->prior[i]));
      m->named |= 1u << i;
    }
out:
  return st;
}

static clv_status lognormal_build(lognormal *m, const clv_purchase_data *data) {
  const clv_cells *cells = data->cells;
  double          *value = NULL;
  clv_status       st    = CLV_OK;
  m->isa                 = clv_isa_best();
  m->n_segment           = cells->n_segment;
  m->n_record            = (size_t)(cells->blocks.last - cells->blocks.first);
  m->n_block             = (size_t)(cells->blocks.last_block - cells->blocks.first_block);
  m->n_column            = (size_t)COLUMNS << m->fine;
  for (size_t j = 0; j < m->n_column; j++)
    m->column[j] = m->middle - HALF_COLUMNS + 2.0 * HALF_COLUMNS * (double)j / (double)m->n_column;
  CLV_TRY(priors_fill(m, data->priors));
  CLV_TRY(clv_calloc(m->n_record + 1, sizeof *m->record, (void **)&m->record));
  CLV_TRY(clv_alloc((size_t)ROWS_MOST * COLUMNS_MOST, sizeof *m->ones, (void **)&m->ones));
  CLV_TRY(clv_alloc((size_t)ROWS_MOST * COLUMNS_MOST, sizeof *value, (void **)&value));
  for (size_t k = 0; k < (size_t)ROWS_MOST * COLUMNS_MOST; k++) m->ones[k] = 1.0f;
  for (size_t i = 0; i < m->n_record; i++) CLV_TRY(record_tabulate(m, cells, i, value));
out:
  free(value);
  return st;
}

static clv_status lognormal_new(const clv_purchase_data *data, unsigned fine, clv_model *out) {
  lognormal *m   = NULL;
  double     age = 1.0;
  clv_status st  = CLV_OK;
  CLV_TRY(clv_mean_age(data->comm, data->cells, &age));
  st = clv_calloc(1, sizeof *m, (void **)&m);
  if (st == CLV_OK) {
    m->fine   = fine;
    m->middle = -clv_log(age);
    st        = lognormal_build(m, data);
  }
  CLV_TRY(clv_comm_agree(data->comm, st));
  *out = (clv_model){.ops = &LOGNORMAL, .self = m};
  m    = NULL;
out:
  lognormal_free(m);
  return st;
}

clv_status clv_pareto_nbd_lognormal_new(const clv_purchase_data *data, clv_model *out) {
  return lognormal_new(data, 0, out);
}

clv_status clv_pareto_nbd_lognormal_new_fine(const clv_purchase_data *data, clv_model *out) {
  return lognormal_new(data, 1, out);
}
