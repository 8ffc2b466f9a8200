#include "engine/simulate/market.h"

#include <math.h>
#include <stdlib.h>

#include "engine/models/pooled.h"
#include "engine/models/process.h"
#include "engine/models/purchases.h"
#include "engine/numerics/pinned.h"

struct clv_market {
  clv_shop *shop;  /* owned [n] */
  double   *until; /* owned [n]: shares of customers, added up; the last is 1 */
  size_t    n;
};

/* Stream 0 of a segment is its parameters; a customer's is his segment. */
enum { PARAMETERS, CUSTOMER };

static void shop_draw(const clv_shop *typical, size_t g, double tau, clv_shop *out) {
  char         name[CLV_NAME_MAX];
  const double sd[] = {tau, tau, tau, tau, tau};
  clv_rng      rng  = clv_rng_at(typical->seed, CLV_RNG_SEGMENT, g, PARAMETERS, 0);
  *out              = *typical;
  clv_purchases_name(typical->model->name, 1, name); /* coordinates are the same for every k */
  if (typical->model->spread == CLV_SPREAD_LOGNORMAL)
    for (size_t k = 0; k < 2; k++) out->theta[k] += tau * clv_rng_normal(&rng); /* the means alone differ */
  else
    clv_pooled_new_segment(clv_process_find(name)->coordinates, typical->theta, sd, &rng, out->theta);
  if (typical->spend->is_dimension)
    out->money[0] += tau * clv_rng_normal(&rng);
  else
    clv_pooled_new_segment(clv_spend_find(typical->spend->name)->coordinates, typical->money, sd, &rng,
                           out->money);
}

clv_status clv_market_new(const clv_shop *typical, size_t n, double tau, double unevenness,
                          clv_market **out) {
  clv_market *self  = NULL;
  double      total = 0.0;
  clv_status  st    = CLV_OK;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  CLV_TRY(clv_calloc(n, sizeof *self->shop, (void **)&self->shop));
  CLV_TRY(clv_calloc(n, sizeof *self->until, (void **)&self->until));
  self->n = n;
  for (size_t g = 0; g < n; g++) {
    self->shop[g] = *typical;
    if (n > 1) shop_draw(typical, g, tau, &self->shop[g]);
    total += clv_pow((double)(g + 1), -unevenness);
    self->until[g] = total;
  }
  for (size_t g = 0; g < n; g++) self->until[g] /= total;
  *out = self, self = NULL;
out:
  clv_market_free(&self);
  return st;
}

void clv_market_free(clv_market **self) {
  if (self == NULL || *self == NULL) return;
  free((*self)->shop);
  free((*self)->until);
  free(*self);
  *self = NULL;
}

size_t clv_market_n(const clv_market *self) { return self->n; }

const clv_shop *clv_market_shop(const clv_market *self, size_t segment) { return &self->shop[segment]; }

size_t clv_market_segment(const clv_market *self, uint64_t customer) {
  clv_rng      rng = clv_rng_at(self->shop[0].seed, CLV_RNG_SEGMENT, customer, CUSTOMER, 0);
  const double at  = clv_rng_uniform(&rng);
  size_t       g   = 0;
  while (g + 1 < self->n && at >= self->until[g]) g++;
  return g;
}
