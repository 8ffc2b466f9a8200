#include "engine/models/segments.h"

#include <math.h>

enum { MOST = CLV_SEGMENT_PARAMETER_MAX, ROOM = CLV_SEGMENT_MAX * CLV_SEGMENT_PARAMETER_MAX };

size_t clv_segments_n_sum(const clv_segments *self) {
  return self->likelihood->ops->n_term * self->likelihood->n_segment;
}

size_t clv_segments_n_block(const clv_segments *self) {
  return self->likelihood->ops->n_block(self->likelihood->self);
}

/* Chains in groups, so that the natural parameters of many segments stay on the stack. */
void clv_segments_block(const clv_segments *self, size_t block, size_t n_chain, const double *phi,
                        double *sum) {
  const clv_likelihood *l = self->likelihood;
  const size_t          n = self->coordinates->n, width = n * l->n_segment;
  double                theta[ROOM], u[MOST];
  size_t                begin = 0, end = l->n_segment;
  CLV_CHECK(width <= ROOM);
  if (l->ops->touched != NULL) l->ops->touched(l->self, block, &begin, &end);
  const size_t most = ROOM / width;
  for (size_t first = 0; first < n_chain; first += most) {
    const size_t count = n_chain - first < most ? n_chain - first : most;
    for (size_t c = 0; c < count; c++)
      for (size_t g = begin; g < end; g++) {
        self->place(self->self, phi + (first + c) * self->n_dim, g, u);
        self->coordinates->natural(u, theta + c * width + g * n, NULL);
      }
    l->ops->block(l->self, block, count, theta, sum + first * clv_segments_n_sum(self));
  }
}

bool clv_shapes_are_known(unsigned shapes, size_t n, const double *theta, double most) {
  bool known = true;
  for (size_t i = 0; i < n; i++) known = known && ((shapes >> i & 1u) == 0 || theta[i] <= most);
  return known;
}

double clv_segments_finish(const clv_segments *self, size_t g, const double *u, const double *sum,
                           double *gradient) {
  const clv_likelihood *l = self->likelihood;
  const size_t          n = self->coordinates->n;
  double                theta[MOST], jacobian[MOST * MOST], by_theta[MOST];
  self->coordinates->natural(u, theta, jacobian);
  const double value = l->ops->finish(l->self, g, theta, sum + g * l->ops->n_term, by_theta);
  for (size_t j = 0; j < n; j++) {
    gradient[j] = 0.0;
    for (size_t i = 0; i < n; i++) gradient[j] += by_theta[i] * theta[i] * jacobian[i * n + j];
  }
  return clv_shapes_are_known(self->coordinates->shapes, n, theta, CLV_SHAPE_MOST) ? value : NAN;
}

void clv_segments_constrain(const clv_segments *self, const double *phi, double *value) {
  const size_t n = self->coordinates->n, n_segment = self->likelihood->n_segment;
  for (size_t g = 0; g < n_segment; g++) {
    double theta[MOST], u[MOST];
    self->place(self->self, phi, g, u);
    self->coordinates->natural(u, theta, NULL);
    for (size_t i = 0; i < n; i++) value[i * n_segment + g] = theta[i];
  }
}

double clv_segments_log_likelihood(const clv_segments *self, const double *phi, const double *sum) {
  double total = 0.0;
  for (size_t g = 0; g < self->likelihood->n_segment; g++) {
    double u[MOST], ignored[MOST];
    self->place(self->self, phi, g, u);
    total += clv_segments_finish(self, g, u, sum, ignored);
  }
  return total;
}
