#ifndef CLV_ENGINE_MODELS_PROCESS_H
#define CLV_ENGINE_MODELS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../numerics/rng.h" /* relative: a plug-in is compiled without -I, see plugin.h */
#include "data.h"

/** What is known of one customer. Times are in the portfolio's time unit since the first purchase. */
typedef struct clv_customer {
  uint32_t x;              /* repeat purchases */
  double   t_x;            /* recency: time of the last one; 0 where x = 0 */
  double   T;              /* age at the end of observation */
  double   spend;          /* mean spend of the repeat purchases, in currency; 0 where x = 0 */
  double   litt;           /* sum of log inter-purchase times (Erlang-k models only) */
  uint32_t n_spend;        /* repeat purchases of a positive amount */
  double   positive_spend; /* their mean amount, in currency; 0 where n_spend = 0, as the next two */
  double   log_spend;      /* mean of the logs of their amounts */
  double   log_spend_ss;   /* squared deviations of those logs from their mean, added up */
} clv_customer;

#define CLV_PARAMETER_MAX 12
#define CLV_LATENT_MAX 4

/** How covariates act: a customer's log theta[k] gains direction[k] × gamma'w; theta[k] itself does where the
 * effect adds, as for parameters that are means of logarithms. */
typedef struct clv_effect {
  clv_acts_on on;
  double      direction[CLV_PARAMETER_MAX];
  bool        adds;
} clv_effect;

/** A purchase process given hyperparameters: everything a forecast needs. Pure functions; not collective.
 *  theta [n_parameter] in the literature's order and names, on the user's scale.
 *  One principle (docs/model_architecture.md): a customer alive at T is a fresh process with updated
 * parameters, so every conditional forecast is P(alive) × the forecast of `updated`; P(0 purchases) gains 1 −
 * P(alive). */
typedef struct clv_process_ops {
  const char        *name; /* "bg_nbd" */
  size_t             n_parameter;
  const char *const *parameter; /* [n_parameter] "r", "alpha", "a", "b" */
  size_t             n_latent;
  const char *const *latent;     /* [n_latent] "lambda", "p" */
  bool               by_recency; /* what an alive customer does depends on t_x too, not only on x and T */
  bool by_amounts;     /* what a customer does depends on his amounts, too: then by_recency also holds */
  bool by_opportunity; /* times are whole opportunities: likelihoods are probabilities, not densities */
  const struct clv_coordinates *coordinates; /* in which segments are pooled; NULL: they are not */
  size_t                        n_effect;    /* of covariates; 0: it takes none */
  const clv_effect             *effect;      /* [n_effect] */
  double (*log_likelihood)(const double *theta, const clv_customer *who);
  /** The log-likelihood too, and its gradient in theta; NULL where customers never have parameters of their
   * own (shifted_rows.c), with a kernel or without. @param[out] by_theta [n_parameter] */
  double (*gradient)(const double *theta, const clv_customer *who, double *by_theta);
  double (*p_alive)(const double *theta, const clv_customer *who);
  /** The same under many draws, faster; NULL: one by one. @param theta  draws `stride` numbers apart
   * @param[out] alive [n_draw] */
  void (*p_alive_draws)(const double *theta, size_t stride, size_t n_draw, const clv_customer *who,
                        double *alive);
  /** Parameters of an alive customer's residual process. @param[out] updated [CLV_PARAMETER_MAX], of which a
   * process may use more than n_parameter */
  void (*update)(const double *theta, const clv_customer *who, double *updated);
  /** Expected purchases of an alive customer in (0, t]; `theta` is the result of `update`. */
  double (*expected)(const double *theta, double t);
  /** Expected purchases discounted continuously at delta >= 0 per time unit, over (0, t]; t = INFINITY is the
   * DERT (delta > 0, or it may be infinite). For an alive customer, `theta` from `update`. */
  double (*discounted)(const double *theta, double delta, double t);
  /** P(n purchases in (0, t]) of an alive customer; `theta` from `update`. */
  double (*pmf)(const double *theta, uint32_t n, double t);
  /** The same three for a new customer (no purchases observed but the first). */
  double (*expected_new)(const double *theta, double t);
  double (*discounted_new)(const double *theta, double delta, double t);
  double (*pmf_new)(const double *theta, uint32_t n, double t);
  /** An independent draw of the customer's own parameters given the data, from the exact alive / dead
   * mixture.
   *  @param[out] latent [n_latent]  @return 1 alive at T, 0 dead */
  int (*customer_draw)(const double *theta, const clv_customer *who, clv_rng *rng, double *latent);
  /** Purchase times of a new customer in (0, T]: at most `most` are written. @return their number (may exceed
   * most) */
  size_t (*simulate)(const double *theta, double T, clv_rng *rng, double *time, size_t most);
  /** The same of an alive customer; `theta` from `update`. */
  size_t (*simulate_alive)(const double *theta, double T, clv_rng *rng, double *time, size_t most);
} clv_process_ops;

/** Spans of time from now on, with a continuous discount rate per time unit. Borrowed. */
typedef struct clv_spans {
  double        delta;
  size_t        n;
  const double *length; /* [n] INFINITY: for ever */
} clv_spans;

/** A spend model given hyperparameters. */
typedef struct clv_spend_ops {
  const char        *name; /* "gamma_gamma" */
  size_t             n_parameter;
  const char *const *parameter;  /* "p", "q", "v" */
  bool               by_amounts; /* a likelihood is the density of single amounts, not of their mean */
  size_t             n_effect;   /* as of a process */
  const clv_effect  *effect;
  const struct clv_coordinates *coordinates; /* in which segments are pooled; NULL: they are not */
  /** The process that spend depends on, with the same theta: no other goes with it. NULL: spend is
   * independent of purchases given hyperparameters, whatever process makes them. */
  const clv_process_ops *process;
  /** 0 where x = 0; given the purchases, where spend depends on them. */
  double (*log_likelihood)(const double *theta, const clv_customer *who);
  /** The same and its gradient; NULL as in a process. @param[out] by_theta [n_parameter] */
  double (*gradient)(const double *theta, const clv_customer *who, double *by_theta);
  /** E[spend per purchase | data]; INFINITY where it does not exist (gamma_gamma: p x + q <= 1), never
   * negative. */
  double (*expected)(const double *theta, const clv_customer *who);
  /** The same under many draws, faster; NULL: one by one. As p_alive_draws. */
  void (*expected_draws)(const double *theta, size_t stride, size_t n_draw, const clv_customer *who,
                         double *expected);
  double (*expected_new)(const double *theta);
  /** Where spend depends on purchases, the expected spend per purchase, and what is expected to be spent over
   * each span, discounted, by a customer who may have left; NULL: it is P(alive) × discounted × expected.
   *  @param[out] worth [1 + n] */
  void (*worth)(const double *theta, const clv_customer *who, const clv_spans *over, double *worth);
  /** The same of a new customer. */
  void (*worth_new)(const double *theta, const clv_spans *over, double *worth);
  /** The customer's own mean spend, drawn given the data. */
  double (*customer_draw)(const double *theta, const clv_customer *who, clv_rng *rng);
  /** A new customer's mean-spend parameter, then n single amounts. */
  void (*simulate)(const double *theta, size_t n, clv_rng *rng, double *amount);
} clv_spend_ops;

/** By the configuration's name; NULL where there is none. */
const clv_process_ops *clv_process_find(const char *name);
const clv_spend_ops   *clv_spend_find(const char *name);

#endif
