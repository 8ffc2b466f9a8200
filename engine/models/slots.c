#include "engine/models/slots.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/numerics/pinned.h"

enum { MOST = CLV_SEGMENT_PARAMETER_MAX, DRAW_TRIES = 10000 };

static bool is_named(const clv_slots *self, size_t i) { return (self->named >> i & 1u) != 0; }

static bool names_parameter(const char *name, const char *parameter) {
  const size_t length = strlen(parameter);
  return strncmp(name, parameter, length) == 0 &&
         (name[length] == '\0' || strcmp(name + length, CLV_POPULATION) == 0);
}

clv_status clv_slots_fill(const clv_coordinates *coordinates, const clv_slot_default *slot,
                          const clv_prior_texts *priors, clv_slots *out) {
  clv_slots  slots = {.coordinates = coordinates};
  clv_status st    = CLV_OK;
  for (size_t i = 0; i < coordinates->n; i++) {
    slots.prior[i] = slots.middle[i] = slot[i].prior;
    slots.reason[i]                  = slot[i].reason;
  }
  for (size_t k = 0; priors != NULL && k < priors->n; k++)
    for (size_t i = 0; i < coordinates->n; i++) {
      const clv_prior_text *text = &priors->item[k];
      if (!names_parameter(text->name, coordinates->parameter[i])) continue;
      CLV_TRY(clv_prior_parse(text->name, text->text, &slots.prior[i]));
      slots.named |= 1u << i;
    }
  *out = slots;
out:
  return st;
}

double clv_slots_log_density(const clv_slots *self, const double *u, double *gradient) {
  const size_t n = self->coordinates->n;
  double       theta[MOST], jacobian[MOST * MOST], extra[MOST];
  double       total = self->coordinates->log_determinant(self->named, u, extra);
  self->coordinates->natural(u, theta, jacobian);
  for (size_t i = 0; i < n; i++) {
    double     d;
    const bool natural = is_named(self, i);
    total += clv_prior_log_density(&self->prior[i], natural ? theta[i] : u[i], &d);
    gradient[i] += extra[i];
    if (!natural) {
      gradient[i] += d;
      continue;
    }
    total += clv_log(theta[i]); /* density of log theta */
    for (size_t j = 0; j < n; j++) gradient[j] += (d * theta[i] + 1.0) * jacobian[i * n + j];
  }
  return total;
}

void clv_slots_draw(const clv_slots *self, clv_rng *rng, double *u) {
  const size_t n     = self->coordinates->n;
  bool         found = false;
  for (int t = 0; t < DRAW_TRIES && !found; t++) {
    double value[MOST];
    found = true;
    for (size_t i = 0; i < n; i++) {
      value[i] = clv_prior_draw(&self->prior[i], rng);
      if (!is_named(self, i)) continue;
      found    = found && value[i] > 0.0;
      value[i] = clv_log(value[i]);
    }
    found = found && self->coordinates->from_slots(self->named, value, u);
  }
  for (size_t i = 0; i < n && !found; i++) u[i] = NAN;
}

void clv_slots_start(const clv_slots *self, clv_rng *rng, double *u) {
  for (size_t i = 0; i < self->coordinates->n; i++) {
    const double *normal = self->middle[i].argument;
    u[i]                 = normal[0] + normal[1] * (2.0 * clv_rng_uniform(rng) - 1.0);
  }
}

void clv_slots_line(const clv_slots *self, size_t i, char *line, size_t size) {
  char density[96];
  clv_prior_print(&self->prior[i], density, sizeof density);
  snprintf(line, size, "%s ~ %s: %s",
           is_named(self, i) ? self->coordinates->parameter[i] : self->coordinates->coordinate[i], density,
           is_named(self, i) ? "from the configuration" : self->reason[i]);
}
