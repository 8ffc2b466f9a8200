#include "engine/simulate/traits.h"

#include <math.h>
#include <string.h>

#include "engine/models/process.h"
#include "engine/models/purchases.h"
#include "engine/models/shifts.h"

const char *const CLV_TRAITS_COLUMN[CLV_TRAITS_COLUMNS] = {"age", "club", "channel=phone", "channel=web"};

clv_traits clv_traits_at(uint64_t seed, uint64_t customer) {
  clv_rng      rng = clv_rng_at(seed, CLV_RNG_TRAITS, customer, 0, 0);
  const double age = CLV_TRAITS_AGE + 12.0 * clv_rng_normal(&rng), club = clv_rng_uniform(&rng),
               way = clv_rng_uniform(&rng);
  return (clv_traits){.age     = (int)floor(fmin(fmax(age, 18.0), 95.0) + 0.5),
                      .club    = club < 0.3,
                      .channel = way < 0.5    ? "shop"
                                 : way < 0.85 ? "web"
                                              : "phone"};
}

clv_shop clv_traits_shop(const clv_traits *traits, const clv_traits_effects *effects, const clv_shop *shop) {
  static const uint32_t EVERY[] = {0, 1, 2, 3};
  const clv_covariates  columns = {.n        = CLV_TRAITS_COLUMNS,
                                   .n_column = {CLV_TRAITS_COLUMNS, CLV_TRAITS_COLUMNS, CLV_TRAITS_COLUMNS},
                                   .column   = {EVERY, EVERY, EVERY}};
  const double w[] = {traits->age - CLV_TRAITS_AGE, traits->club, strcmp(traits->channel, "phone") == 0,
                      strcmp(traits->channel, "web") == 0};
  static const clv_effect MEDIAN = {.on = CLV_ON_SPEND, .direction = {[0] = 1.0}, .adds = true};
  const clv_spend_ops    *spend  = clv_spend_find(shop->spend->name);
  const bool              is_log = shop->spend->is_dimension;
  clv_shop                own    = *shop;
  char                    name[CLV_NAME_MAX];
  clv_purchases_name(shop->model->name, 1, name); /* effects are the same for every k */
  const clv_process_ops *process = clv_process_find(name);
  const clv_shifts buying = clv_shifts_of(&columns, process->n_parameter, process->effect, process->n_effect),
                   spending = clv_shifts_of(&columns, is_log ? CLV_SHOP_PARAMETERS : spend->n_parameter,
                                            is_log ? &MEDIAN : spend->effect, is_log ? 1 : spend->n_effect);
  clv_shifts_theta(&buying, effects->gamma[CLV_ON_PURCHASES], w, shop->theta, own.theta);
  clv_shifts_theta(&spending, effects->gamma[CLV_ON_SPEND], w, shop->money, own.money);
  return own;
}
