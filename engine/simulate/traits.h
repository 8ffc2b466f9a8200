#ifndef CLV_ENGINE_SIMULATE_TRAITS_H
#define CLV_ENGINE_SIMULATE_TRAITS_H

#include "engine/models/data.h"
#include "engine/simulate/shopper.h"

/** What a simulated customer is like, and the columns of numbers that make of it. */
typedef struct clv_traits {
  int         age;     /* whole years, normal about CLV_TRAITS_AGE */
  int         club;    /* 0 or 1 */
  const char *channel; /* "shop" most often, "web", "phone" */
} clv_traits;

enum { CLV_TRAITS_COLUMNS = 4, CLV_TRAITS_AGE = 45 };

/** "age", "club", "channel=phone", "channel=web": in the order of coefficients. */
extern const char *const CLV_TRAITS_COLUMN[CLV_TRAITS_COLUMNS];

/** Coefficients on purchases, dropout and spend. */
typedef struct clv_traits_effects {
  double gamma[CLV_ON_N][CLV_TRAITS_COLUMNS];
} clv_traits_effects;

/** Customer number `customer`: a pure function of the shop's seed and the number. Not collective. */
clv_traits clv_traits_at(uint64_t seed, uint64_t customer);

/** The shop as it is to a customer like this: its parameters are those of customers of 45 years, out of the
 * club, of the channel shop. Not collective. */
clv_shop clv_traits_shop(const clv_traits *traits, const clv_traits_effects *effects, const clv_shop *shop);

#endif
