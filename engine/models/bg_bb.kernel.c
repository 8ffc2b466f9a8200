/* Compiled once per instruction set. Fader, Hardie & Shang 2010, eq. 5, as bg_bb_process.c has it: the
 * history up to the last purchase in Gamma functions, in front of the silence since. */
#include "engine/models/bg_bb_kernel.h"
#include "engine/numerics/vgamma.h"

enum { ALPHA, BETA, GAMMA, DELTA, N_PARAMETER, LANES = 8, VECTORS = LANES / CLV_VECTOR };

/* One vector of customers. */
typedef struct customers {
  clv_vector x, t_x, idle, theta[N_PARAMETER];
  double     idle_most;
} customers;

/* log Gamma(y + n) - log Gamma(y), and its slope in y. */
typedef struct rising {
  clv_vector log, slope;
} rising;

CLV_INLINE rising rising_of(clv_vector y, clv_vector n) {
  const clv_vector_gamma from = clv_vector_gamma_of(y), to = clv_vector_gamma_of(y + n);
  return (rising){to.log - from.log, to.digamma - from.digamma};
}

/* The chance of no purchase since t_x, and its derivatives (not its logarithm's). */
typedef struct silence {
  clv_vector chance, by_theta[N_PARAMETER];
} silence;

/* One opportunity further back, i after t_x: he leaves, or stays, does not buy and goes on as he did `after`.
 * As clv_bg_bb_silence_of, with one division. */
CLV_INLINE silence silence_before(const customers *who, double i, const silence *after) {
  const clv_vector trials = who->theta[ALPHA] + who->theta[BETA] + who->t_x + i,
                   lived = who->theta[DELTA] + who->t_x + i, life = who->theta[GAMMA] + lived,
                   never = who->theta[BETA] + (who->t_x - who->x) + i, bought = who->theta[ALPHA] + who->x;
  const clv_vector both = 1.0 / (life * trials), by_life = both * trials, by_trial = both * life;
  const clv_vector leaves = who->theta[GAMMA] * by_life, stays = lived * by_life, idle = never * by_trial;
  const clv_vector goes_on = stays * idle, still = goes_on * after->chance,
                   ends               = (1.0 - idle * after->chance) * by_life;
  const clv_vector moved[N_PARAMETER] = {-still * by_trial,
                                         stays * after->chance * (bought * by_trial) * by_trial, stays * ends,
                                         -leaves * ends};
  silence          s                  = {.chance = leaves + still};
  for (int k = 0; k < N_PARAMETER; k++) s.by_theta[k] = goes_on * after->by_theta[k] + moved[k];
  return s;
}

/* A customer who was idle for less time waits until the others have come to his last opportunity. */
CLV_INLINE silence silence_of(const customers *who) {
  silence s = {.chance = clv_vector_of(1.0)};
  for (double i = who->idle_most - 1.0; i >= 0.0; i -= 1.0) {
    const clv_mask was_idle = (clv_mask)(who->idle > i);
    const silence  before   = silence_before(who, i, &s);
    s.chance                = clv_vector_pick(was_idle, before.chance, s.chance);
    for (int k = 0; k < N_PARAMETER; k++)
      s.by_theta[k] = clv_vector_pick(was_idle, before.by_theta[k], s.by_theta[k]);
  }
  return s;
}

/* The longest of a vector's customers; they start together. */
CLV_INLINE double idle_most(const double *t_x, const double *T) {
  double most = 0.0;
  for (size_t k = 0; k < CLV_VECTOR; k++) most = T[k] - t_x[k] > most ? T[k] - t_x[k] : most;
  return most;
}

CLV_INLINE customers customers_load(const double *x, const double *t_x, const double *T) {
  const clv_vector last = clv_vector_load(t_x);
  return (customers){clv_vector_load(x), last, clv_vector_load(T) - last, {{0}}, idle_most(t_x, T)};
}

void CLV_KERNEL(clv_bg_bb_silences)(const clv_bg_bb_rows *rows, const double *theta, double *sum) {
  clv_vector total[1 + N_PARAMETER][VECTORS] = {0};
  for (size_t i = 0; i < rows->n; i += LANES)
    for (size_t v = 0; v < VECTORS; v++) {
      const size_t     at    = i + v * CLV_VECTOR;
      const clv_vector count = clv_vector_load(rows->count + at);
      customers        who   = customers_load(rows->x + at, rows->t_x + at, rows->T + at);
      for (int k = 0; k < N_PARAMETER; k++) who.theta[k] = clv_vector_of(theta[k]);
      const silence    s      = silence_of(&who);
      const clv_vector weight = count / s.chance;
      total[0][v] += count * clv_vector_log(s.chance); /* NaN and infinity are kept */
      for (int k = 0; k < N_PARAMETER; k++) total[1 + k][v] += weight * s.by_theta[k];
    }
  for (int k = 0; k < 1 + N_PARAMETER; k++) sum[k] += clv_vector_sum_lanes(total[k]);
}

CLV_INLINE void customers_look(const customers *who, clv_vector *value, clv_vector *by) {
  const clv_vector *theta = who->theta;
  const silence     s     = silence_of(who);
  const rising bought = rising_of(theta[ALPHA], who->x), passed = rising_of(theta[BETA], who->t_x - who->x),
               trials = rising_of(theta[ALPHA] + theta[BETA], who->t_x),
               stayed = rising_of(theta[DELTA], who->t_x),
               lived  = rising_of(theta[GAMMA] + theta[DELTA], who->t_x);
  *value =
      ((bought.log + passed.log - trials.log) + (stayed.log - lived.log)) + clv_vector_log_tame(s.chance);
  by[ALPHA] = theta[ALPHA] * ((bought.slope - trials.slope) + s.by_theta[ALPHA] / s.chance);
  by[BETA]  = theta[BETA] * ((passed.slope - trials.slope) + s.by_theta[BETA] / s.chance);
  by[GAMMA] = theta[GAMMA] * (s.by_theta[GAMMA] / s.chance - lived.slope);
  by[DELTA] = theta[DELTA] * ((stayed.slope - lived.slope) + s.by_theta[DELTA] / s.chance);
}

void CLV_KERNEL(clv_bg_bb_batch)(const clv_batch *batch, double *value, double *by_log_theta) {
  const size_t n = batch->n;
  for (size_t i = 0; i < n; i += CLV_VECTOR) {
    customers  who = customers_load(batch->x + i, batch->t_x + i, batch->T + i);
    clv_vector each, by[N_PARAMETER];
    for (size_t k = 0; k < N_PARAMETER; k++) who.theta[k] = clv_vector_load(batch->theta + k * n + i);
    customers_look(&who, &each, by);
    clv_vector_store(value + i, each);
    for (size_t k = 0; k < N_PARAMETER; k++) clv_vector_store(by_log_theta + k * n + i, by[k]);
  }
}
