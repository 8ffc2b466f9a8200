#ifndef CLV_ENGINE_SIMULATE_SHOPPER_H
#define CLV_ENGINE_SIMULATE_SHOPPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/numerics/rng.h"

/** How customers of a simulated shop leave. */
typedef enum clv_leaving {
  CLV_LEAVE_AFTER_REPEAT,   /* after a repeat purchase, with probability p ~ Beta(a, b): bg_nbd, bg_cnbd_k */
  CLV_LEAVE_AFTER_PURCHASE, /* after any purchase, the first included: mbg_nbd, mbg_cnbd_k */
  CLV_LEAVE_IN_TIME,        /* at rate mu: pareto_nbd, pareto_nbd_lognormal */
  CLV_LEAVE_AT_OPPORTUNITY  /* at each week with probability theta ~ Beta(gamma, delta): bg_bb */
} clv_leaving;

/** How customers' own two parameters are spread. */
typedef enum clv_spread {
  CLV_SPREAD_CONJUGATE, /* Gamma rates, Beta probabilities */
  CLV_SPREAD_LOGNORMAL  /* (log lambda, log mu) bivariate normal: pareto_nbd_lognormal */
} clv_spread;

enum { CLV_SHOP_PARAMETERS = 5 };

/** A model that can be simulated. */
typedef struct clv_shop_model {
  const char *name;
  clv_leaving leaving;
  clv_spread  spread;
  bool        has_phases;
  const char *parameter[CLV_SHOP_PARAMETERS]; /* NULL behind the last */
  double      usual[CLV_SHOP_PARAMETERS];     /* parameters of an everyday shop, per week */
  const char *latent[2];
} clv_shop_model;

/** A spend model that can be simulated: gamma_gamma, gamma_value or lognormal. */
typedef struct clv_shop_spend {
  const char *name;
  bool        has_shapes;                     /* of the customers' own, beside their mean spends */
  bool        is_dimension;                   /* a third one, of models that are CLV_SPREAD_LOGNORMAL */
  const char *parameter[CLV_SHOP_PARAMETERS]; /* NULL behind the last */
  double      usual[CLV_SHOP_PARAMETERS];     /* of an everyday shop */
} clv_shop_spend;

/** A shop whose truth is known: purchases by one of the models, and amounts by one; times in weeks since the
 * shop's start. */
typedef struct clv_shop {
  const clv_shop_model *model; /* borrowed */
  const clv_shop_spend *spend; /* borrowed */
  int      phases; /* of the gap between purchases, each Exponential(lambda); 1 but for the cnbd models */
  double   theta[CLV_SHOP_PARAMETERS]; /* of the purchase model, in the literature's order */
  double   money[CLV_SHOP_PARAMETERS]; /* of the spend model */
  double   acquisition;                /* first purchases are uniform over [0, acquisition) */
  double   weeks, holdout;             /* observed, and to be forecast */
  uint64_t seed;
} clv_shop;

/** One simulated customer: a generator of purchases. A value type. */
typedef struct clv_shopper {
  clv_rng rng;
  double  buying;            /* lambda; bg_bb: the probability p of a purchase at an opportunity */
  double  leaving;           /* p, mu or theta */
  double  spend_rate, shape; /* amounts are Gamma(shape, spend_rate) */
  double  log_eta, within;   /* where within > 0: log-normal around eta, with this deviation of logs */
  double  first, next;       /* weeks since the shop's start */
  double  end;               /* when he leaves in time; INFINITY otherwise */
  bool    is_alive, is_first;
} clv_shopper;

/** All of them. Not collective. @param[out] n  how many */
const clv_shop_model *clv_shop_models(size_t *n);

/** All spend models. Not collective. @param[out] n  how many */
const clv_shop_spend *clv_shop_spends(size_t *n);

/** How many parameters, up to the first NULL. Not collective. */
size_t clv_shop_n_parameter(const char *const parameter[CLV_SHOP_PARAMETERS]);

/** The three logarithms' parameters, in the order of CLV_LOGNORMAL_SPEND, of a shop whose spend is a
 * dimension. Not collective. @param[out] theta [10] */
void clv_shop_dimensions(const clv_shop *shop, double *theta);

/** Customer number `customer`: a pure function of the shop and the number. Not collective. */
clv_shopper clv_shopper_at(const clv_shop *shop, uint64_t customer);

/** The next purchase before the end of the holdout. False where there is none. Not collective.
 *  @param[out] time  weeks since the shop's start  @param[out] amount */
bool clv_shopper_buy(clv_shopper *self, const clv_shop *shop, double *time, double *amount);

/** Whether he is still there after the purchase just made, at the end of observation; meaningful while
 * purchases before that end are taken. Not collective. */
bool clv_shopper_stays(const clv_shopper *self, const clv_shop *shop);

/** What the customer spends on average. Not collective. */
double clv_shopper_mean_spend(const clv_shopper *self);

#endif
