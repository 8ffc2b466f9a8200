#include "engine/sampler/point.h"

#include <math.h>
#include <string.h>

void clv_point_cut(clv_slab *slab, size_t dim, clv_point *out) {
  out->theta       = clv_slab_doubles(slab, dim);
  out->momentum    = clv_slab_doubles(slab, dim);
  out->velocity    = clv_slab_doubles(slab, dim);
  out->gradient    = clv_slab_doubles(slab, dim);
  out->log_density = clv_slab_doubles(slab, 1);
  out->energy      = clv_slab_doubles(slab, 1);
}

void clv_point_copy(size_t dim, const clv_point *from, clv_point *to) {
  memcpy(to->theta, from->theta, (4 * dim + 2) * sizeof(double));
}

static void point_weigh(clv_point *self, const clv_metric *metric) {
  double kinetic = 0;
  clv_metric_velocity(metric, self->momentum, self->velocity);
  for (size_t i = 0; i < metric->dim; i++) kinetic += self->momentum[i] * self->velocity[i];
  const double energy = 0.5 * kinetic - *self->log_density;
  /* A log-density of +inf is as much an error of the model as NaN: both must not attract. */
  *self->energy = isfinite(energy) ? energy : (double)INFINITY;
}

static void point_half_kick(clv_point *self, size_t dim, double epsilon) {
  for (size_t i = 0; i < dim; i++) self->momentum[i] += 0.5 * epsilon * self->gradient[i];
}

void clv_point_kick(clv_point *self, const clv_metric *metric, clv_rng *rng) {
  clv_metric_momentum(metric, rng, self->momentum);
  point_weigh(self, metric);
}

void clv_point_depart(clv_point *self, const clv_metric *metric, double epsilon) {
  point_half_kick(self, metric->dim, epsilon);
  clv_metric_velocity(metric, self->momentum, self->velocity);
  for (size_t i = 0; i < metric->dim; i++) self->theta[i] += epsilon * self->velocity[i];
}

void clv_point_arrive(clv_point *self, const clv_metric *metric, double epsilon, double log_density,
                      const double *gradient) {
  *self->log_density = log_density;
  memcpy(self->gradient, gradient, metric->dim * sizeof *gradient);
  point_half_kick(self, metric->dim, epsilon);
  point_weigh(self, metric);
}
