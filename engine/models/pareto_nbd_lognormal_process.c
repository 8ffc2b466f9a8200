#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "engine/models/lognormal_draw.h"
#include "engine/models/lognormal_population.h"
#include "engine/models/lognormal_rates.h"
#include "engine/models/pareto_nbd_lognormal.h"
#include "engine/numerics/pinned.h"
#include "engine/numerics/quadrature.h"

/* theta are the five parameters; those of an alive customer's residual process add x and T. A grid is a third
 * of a megabyte: each function has one at a time. */
enum { N = 2, N_PARAMETER = 5, X = N_PARAMETER, T, MOMENTS = 6 };

static const char *const PARAMETER[] = {"mean_log_lambda", "mean_log_mu", "sd_log_lambda", "sd_log_mu",
                                        "correlation"};
static const char *const LATENT[]    = {"lambda", "mu"};

/* Covariates move the means of the logarithms. */
static const clv_effect EFFECT[] = {{.on = CLV_ON_PURCHASES, .direction = {[0] = 1.0}, .adds = true},
                                    {.on = CLV_ON_DROPOUT, .direction = {[1] = 1.0}, .adds = true}};

static bool rates_of(const double *theta, clv_lognormal_prior *prior) {
  clv_lognormal_point at;
  if (!clv_lognormal_population_of_values(N, theta, &at)) return false;
  *prior = clv_lognormal_population_rates(&at);
  return true;
}

/* ---- one customer's likelihood ---- */

/* The likelihood's two terms, and the first at T: with the second it is the chance to be alive. */
static void terms_of(const clv_customer *who, clv_lognormal_term term[3]) {
  term[0] = clv_lognormal_term_of(true, (double)who->x, who->t_x);
  term[1] = clv_lognormal_term_of(false, (double)who->x + 1.0, who->T);
  term[2] = clv_lognormal_term_of(true, (double)who->x, who->T);
}

/* lambda^x e^(-(lambda + mu) age), on a plain grid. */
static clv_lognormal_term alive_term(double x, double age) { return clv_lognormal_term_of(false, x, age); }

/* Moments of terms on one grid, scaled by e^log_scale[k]. False where no grid serves them. */
static bool terms_evaluate(const clv_lognormal_prior *prior, const clv_lognormal_term *term, size_t n,
                           double (*moment)[8], double *log_scale) {
  clv_lognormal_reach reach = clv_lognormal_reach_none();
  clv_lognormal_grid  grid;
  clv_lognormal_rows  at;
  for (size_t k = 0; k < n; k++) clv_lognormal_reach_add(&reach, &term[k]);
  if (!clv_lognormal_grid_place(&grid, prior, &reach, 0)) return false;
  for (size_t k = 0; k < n; k++) {
    clv_lognormal_grid_columns(&grid, term[k].with_mu, term[k].t, &at);
    clv_lognormal_grid_term(&grid, &term[k], &at, moment[k]);
    log_scale[k] = grid.log_weight + term[k].most;
  }
  return true;
}

/* Log-likelihood, P(alive) and posterior moments of a and b. NaN where no grid resolves theta. */
typedef struct posterior {
  double log_likelihood, alive, moment[MOMENTS]; /* means of a, b, a^2, b^2, a b from [1] on */
} posterior;

static posterior posterior_of(const double *theta, const clv_customer *who) {
  clv_lognormal_term  term[3];
  double              moment[3][8], scale[3];
  clv_lognormal_prior prior;
  posterior           out = {.log_likelihood = NAN, .alive = NAN};
  terms_of(who, term);
  if (!rates_of(theta, &prior)) return out;
  if (!terms_evaluate(&prior, term, 3, moment, scale) && /* one grid, or one for each time */
      !(terms_evaluate(&prior, term, 1, moment, scale) &&
        terms_evaluate(&prior, term + 1, 2, moment + 1, scale + 1)))
    return out;
  const double one = scale[0] + clv_log(moment[0][0]), two = scale[1] + clv_log(moment[1][0]);
  out.log_likelihood = clv_log_sum_exp(one, two);
  out.alive = fmin(clv_exp(clv_log_sum_exp(two, scale[2] + clv_log(moment[2][0])) - out.log_likelihood), 1.0);
  for (size_t k = 1; k < MOMENTS; k++)
    out.moment[k] = clv_sigmoid(one - two) * moment[0][k] / moment[0][0] +
                    clv_sigmoid(two - one) * moment[1][k] / moment[1][0];
  return out;
}

double clv_lognormal_log_likelihood(const double *theta, const clv_customer *who, double *alive) {
  const posterior p = posterior_of(theta, who);
  *alive            = p.alive;
  return p.log_likelihood;
}

static double process_log_likelihood(const double *theta, const clv_customer *who) {
  return posterior_of(theta, who).log_likelihood;
}

static double process_p_alive(const double *theta, const clv_customer *who) {
  return posterior_of(theta, who).alive;
}

static double process_gradient(const double *theta, const clv_customer *who, double *by_theta) {
  static const clv_lognormal_population TWO = {.n = N, .n_parameter = N_PARAMETER};
  clv_lognormal_point                   at;
  const posterior                       p = posterior_of(theta, who);
  for (size_t i = 0; i < N_PARAMETER; i++) by_theta[i] = NAN;
  if (!clv_lognormal_population_of_values(N, theta, &at)) return NAN;
  const double second[N * N] = {p.moment[3] - 1.0, p.moment[5] - theta[4], p.moment[5] - theta[4],
                                p.moment[4] - 1.0};
  memset(by_theta, 0, N_PARAMETER * sizeof *by_theta);
  clv_lognormal_population_score(&TWO, &at, p.moment + 1, second, by_theta);
  by_theta[2] /= theta[2], by_theta[3] /= theta[3], by_theta[4] /= at.rest[0];
  return p.log_likelihood;
}

/* ---- forecasts ---- */

static void process_update(const double *theta, const clv_customer *who, double *updated) {
  memcpy(updated, theta, N_PARAMETER * sizeof *updated);
  updated[X] = (double)who->x;
  updated[T] = who->T;
}

/* (1 - e^-(rate t)) / rate, t itself at rate 0. */
static double time_in(double rate, double t) {
  if (t == INFINITY) return 1.0 / rate;
  const double y = rate * t;
  return y < 1e-300 ? t : -clv_expm1(-y) / rate;
}

/* Of an alive customer: purchases come at lambda while he is there, discounted, for E[(1 - e^-((mu + delta)
 * t)) / (mu + delta)]. The ratio of two forms on one grid, whatever the spans are. */
void clv_lognormal_discounted(const double *updated, const clv_spans *over, double *purchases) {
  const clv_lognormal_term term[2] = {alive_term(updated[X], updated[T]),
                                      alive_term(updated[X] + 1.0, updated[T])};
  clv_lognormal_reach      reach   = clv_lognormal_reach_none();
  clv_lognormal_prior      prior;
  clv_lognormal_grid       grid;
  clv_lognormal_rows       at;
  double                   there[CLV_LOGNORMAL_COLUMNS], column[CLV_LOGNORMAL_COLUMNS], moment[2][8];
  reach.is_plain = true;
  clv_lognormal_reach_add(&reach, &term[0]);
  clv_lognormal_reach_add(&reach, &term[1]);
  const bool found = rates_of(updated, &prior) && clv_lognormal_grid_place(&grid, &prior, &reach, 0);
  for (size_t h = 0; h < over->n; h++) purchases[h] = over->length[h] > 0.0 && !found ? NAN : 0.0;
  if (!found) return;
  clv_lognormal_grid_columns(&grid, false, updated[T], &at);
  clv_lognormal_grid_term(&grid, &term[0], &at, moment[0]);
  if (moment[0][0] == 0.0) return; /* P(alive) is nothing even in doubles */
  for (size_t j = 0; j < grid.n_column; j++) there[j] = clv_exp(-grid.mu[j] * updated[T]);
  for (size_t h = 0; h < over->n; h++) {
    if (!(over->length[h] > 0.0)) continue;
    for (size_t j = 0; j < grid.n_column; j++)
      column[j] = there[j] * time_in(grid.mu[j] + over->delta, over->length[h]);
    clv_lognormal_grid_weigh(&grid, column, &at);
    clv_lognormal_grid_term(&grid, &term[1], &at, moment[1]);
    purchases[h] = clv_exp(term[1].most - term[0].most) * moment[1][0] / moment[0][0];
  }
}

static double process_discounted(const double *updated, double delta, double t) {
  double purchases;
  clv_lognormal_discounted(updated, &(clv_spans){delta, 1, &t}, &purchases);
  return purchases;
}

static double process_expected(const double *updated, double t) {
  return process_discounted(updated, 0.0, t);
}

/* A new customer: lambda has its mean, and weights log mu's normal towards where the two go together; one sum
 * over log mu is left. */
static double new_discounted(const double *theta, double delta, double t) {
  clv_lognormal_prior p;
  double              sum = 0.0, total = 0.0;
  if (!(t > 0.0)) return 0.0;
  if (!rates_of(theta, &p)) return NAN;
  const double centre = p.mean[1] + p.rho * p.sd[0] * p.sd[1], step = fmin(0.5, p.sd[1]);
  const double reach = 7.5 * p.sd[1] + p.sd[1] * p.sd[1]; /* 1 / mu pulls by its variance at most */
  for (double k = -ceil(reach / step); k * step <= reach; k += 1.0) {
    const double off = k * step / p.sd[1], weight = clv_exp(-0.5 * off * off);
    total += weight;
    sum += weight * time_in(clv_exp(centre + k * step) + delta, t);
  }
  return clv_exp(p.mean[0] + 0.5 * p.sd[0] * p.sd[0]) * sum / total;
}

static double new_expected(const double *theta, double t) { return new_discounted(theta, 0.0, t); }

static bool alive_evaluate(const clv_lognormal_prior *prior, const clv_lognormal_term *term, double moment[8],
                           double *log_scale) {
  clv_lognormal_reach reach = clv_lognormal_reach_none();
  clv_lognormal_grid  grid;
  clv_lognormal_rows  at;
  clv_lognormal_reach_add(&reach, term);
  reach.is_plain = true;
  if (!clv_lognormal_grid_place(&grid, prior, &reach, 0)) return false;
  clv_lognormal_grid_columns(&grid, false, term->t, &at);
  clv_lognormal_grid_term(&grid, term, &at, moment);
  *log_scale = grid.log_weight + term->most;
  return true;
}

/* P(n purchases in (0, t]) for known rates is the chance to stay and have n, plus that to leave at s after n:
 * an integral over s of forms on one grid. */
typedef struct counting {
  const clv_lognormal_grid *grid;
  double                    power, age, t, n, log_lead;
  bool                      leaves;
} counting;

static double counting_form(const counting *c, double s, double log_s) {
  const clv_lognormal_term term = clv_lognormal_term_of(false, c->power, c->age + s);
  clv_lognormal_rows       at;
  double                   moment[8];
  clv_lognormal_grid_columns(c->grid, c->leaves, c->age + s, &at);
  clv_lognormal_grid_term(c->grid, &term, &at, moment);
  return moment[0] * clv_exp(term.most + c->log_lead + (c->n > 0.0 ? c->n * log_s : 0.0));
}

static double counting_integrand(const void *context, const clv_unit_point *at) {
  const counting *c = context;
  return c->t * counting_form(c, c->t * at->p, clv_log(c->t) + at->log_p);
}

static double counting_sum(const clv_lognormal_prior *prior, counting *c) {
  const clv_lognormal_term early = clv_lognormal_term_of(true, c->power, c->age),
                           late  = clv_lognormal_term_of(true, c->power, c->age + c->t);
  clv_lognormal_reach reach      = clv_lognormal_reach_none();
  clv_lognormal_grid  grid;
  clv_lognormal_reach_add(&reach, &late);
  if (c->age > 0.0)
    clv_lognormal_reach_add(&reach, &early);
  else
    reach.t_least = 0.0, reach.window[1] = INFINITY; /* n purchases in less time take a larger lambda */
  reach.is_plain = true;
  if (!clv_lognormal_grid_place(&grid, prior, &reach, 0)) return NAN;
  c->grid = &grid;
  c->log_lead += grid.log_weight - clv_lgamma(c->n + 1.0);
  const double stays = counting_form(c, c->t, clv_log(c->t));
  c->leaves          = true;
  return stays + clv_unit_integral(counting_integrand, c);
}

static double process_pmf(const double *updated, uint32_t n, double t) {
  const clv_lognormal_term alive = alive_term(updated[X], updated[T]);
  clv_lognormal_prior      prior;
  double                   moment[8], scale;
  if (!(t > 0.0)) return n == 0 ? 1.0 : 0.0;
  if (!rates_of(updated, &prior) || !alive_evaluate(&prior, &alive, moment, &scale)) return NAN;
  counting c = {.power    = updated[X] + (double)n,
                .age      = updated[T],
                .t        = t,
                .n        = (double)n,
                .log_lead = -scale - clv_log(moment[0])};
  return counting_sum(&prior, &c);
}

static double new_pmf(const double *theta, uint32_t n, double t) {
  counting            c = {.power = (double)n, .t = t, .n = (double)n};
  clv_lognormal_prior prior;
  if (!(t > 0.0)) return n == 0 ? 1.0 : 0.0;
  return rates_of(theta, &prior) ? counting_sum(&prior, &c) : NAN;
}

/* ---- draws ---- */

/* The rates from the likelihood's two terms, then whether such a customer is still there. */
static int process_customer_draw(const double *theta, const clv_customer *who, clv_rng *rng, double *latent) {
  clv_lognormal_term  term[3];
  double              moment[2][8], scale[2];
  clv_lognormal_prior prior;
  latent[0] = latent[1] = NAN;
  terms_of(who, term);
  if (!rates_of(theta, &prior) || !terms_evaluate(&prior, term, 1, moment, scale) ||
      !terms_evaluate(&prior, term + 1, 1, moment + 1, scale + 1))
    return 0;
  const double odds  = scale[0] + clv_log(moment[0][0]) - scale[1] - clv_log(moment[1][0]);
  const size_t which = clv_rng_uniform(rng) < clv_sigmoid(odds) ? 0 : 1;
  clv_lognormal_draw(&prior, &term[which], false, rng, latent);
  const double both = latent[0] + latent[1];
  const double dead = latent[1] / both * clv_expm1(both * (who->T - who->t_x));
  return clv_rng_uniform(rng) * (1.0 + dead) < 1.0;
}

static size_t purchases_simulate(const double *rate, double length, clv_rng *rng, double *time, size_t most) {
  const double end = fmin(clv_rng_exponential(rng) / rate[1], length);
  double       now = 0.0;
  for (size_t n = 0;; n++) {
    now += clv_rng_exponential(rng) / rate[0];
    if (!(now <= end)) return n;
    if (n < most) time[n] = now;
  }
}

static size_t process_simulate(const double *theta, double length, clv_rng *rng, double *time, size_t most) {
  const double one = clv_rng_normal(rng), two = clv_rng_normal(rng), rho = theta[4];
  const double rate[2] = {clv_exp(theta[0] + theta[2] * one),
                          clv_exp(theta[1] + theta[3] * (rho * one + sqrt((1.0 - rho) * (1.0 + rho)) * two))};
  return purchases_simulate(rate, length, rng, time, most);
}

static size_t process_simulate_alive(const double *updated, double length, clv_rng *rng, double *time,
                                     size_t most) {
  const clv_lognormal_term alive = alive_term(updated[X], updated[T]);
  clv_lognormal_prior      prior;
  double                   rate[2] = {0.0, 1.0};
  if (rates_of(updated, &prior)) clv_lognormal_draw(&prior, &alive, true, rng, rate);
  return purchases_simulate(rate, length, rng, time, most);
}

const clv_process_ops CLV_PARETO_NBD_LOGNORMAL_PROCESS = {
    .name           = "pareto_nbd_lognormal",
    .n_parameter    = N_PARAMETER,
    .parameter      = PARAMETER,
    .n_latent       = 2,
    .latent         = LATENT,
    .n_effect       = sizeof EFFECT / sizeof *EFFECT,
    .effect         = EFFECT,
    .log_likelihood = process_log_likelihood,
    .gradient       = process_gradient,
    .p_alive        = process_p_alive,
    .update         = process_update,
    .expected       = process_expected,
    .discounted     = process_discounted,
    .pmf            = process_pmf,
    .expected_new   = new_expected,
    .discounted_new = new_discounted,
    .pmf_new        = new_pmf,
    .customer_draw  = process_customer_draw,
    .simulate       = process_simulate,
    .simulate_alive = process_simulate_alive,
};
