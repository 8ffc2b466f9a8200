#include "engine/simulate/shopper.h"

clv_shopper clv_shopper_at(const clv_shop *shop, uint64_t customer) {
  clv_shopper self = {
      .rng = clv_rng_at(shop->seed, CLV_RNG_SIMULATE, customer, 0, 0), .is_alive = true, .is_first = true};
  self.first      = shop->acquisition * clv_rng_uniform(&self.rng);
  self.lambda     = clv_rng_gamma(&self.rng, shop->r, shop->alpha);
  self.dropout    = clv_rng_beta(&self.rng, shop->a, shop->b);
  self.spend_rate = clv_rng_gamma(&self.rng, shop->q, shop->v);
  self.shape      = shop->p;
  self.next       = self.first;
  return self;
}

double clv_shopper_mean_spend(const clv_shopper *self) { return self->shape / self->spend_rate; }

bool clv_shopper_buy(clv_shopper *self, const clv_shop *shop, double *time, double *amount) {
  if (!self->is_alive || !(self->next < shop->weeks + shop->holdout)) return false;
  *time   = self->next;
  *amount = clv_rng_gamma(&self->rng, self->shape, self->spend_rate);
  /* dropout comes with a repeat purchase, never with the first (Fader, Hardie & Lee 2005) */
  if (!self->is_first && clv_rng_uniform(&self->rng) < self->dropout) self->is_alive = false;
  self->is_first = false;
  self->next += clv_rng_exponential(&self->rng) / self->lambda;
  return true;
}
